"""Terraform's own words: the sentences and marks that the code relies on, with the source file that prints them.

Check this list at a new release of terraform or OpenTofu. Paths are those in terraform's repository (up to 0.15 without
`internal/`) and in OpenTofu's, unless one of them is named. The formats of plan and state files are in tfretry/plan.
"""

from __future__ import annotations

import re

# Addresses: internal/addrs. An identifier (hashicorp/hcl, hclsyntax/scan_tokens.rl) may hold what \w does not match:
# combining marks, and `·`. Of ASCII it holds letters, digits, `_` and `-`.
NAME = r"[^\s!-,./:-@\[-^`{-~]+"
KEY = r"(?:\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\])?"
ADDRESS = rf"(?:module\.{NAME}{KEY}\.)*(?:data\.)?{NAME}\.{NAME}(?:\.\d+)?{KEY}"

# Diagnostics for people: internal/command/format/diagnostic.go.
ERROR, WARNING = "Error:", "Warning:"  # a blank follows, but not in a narrow terminal
BOX_TOP, BOX_BOTTOM = "╷", "╵"
GUTTER = re.compile(r"[│|] ?")
HEADING = re.compile(r"([│|] ?)?(Error|Warning): (.*)", re.DOTALL)
QUOTED_HEADING = re.compile(r"(Error|Warning):(?: (.*)|$)", re.DOTALL)
QUOTED_BOX = re.compile(r"╷|│ ?(?:Error|Warning): ")
YELLOW = b"\x1b[33m"  # the colour of a warning
WITH_ADDRESS = re.compile(r"  with (\S.*),$")
ON_LINE = re.compile(r"  on .+ line \d+(?:, in (.+))?:$")
BLOCK_NAME = re.compile(r"(resource|data) \"([^\"]+)\" \"([^\"]+)\"")
SOURCE = re.compile(r" *\d+:(?: |$)|    [├│|]|  \(source code not available\)$")  # with the values in it

# Several errors in one diagnostic, perhaps behind an address: hashicorp/go-multierror, format.go ("error(s)" before its
# 1.0, which terraform has from 0.11.14); terraform's own list has dashes (internal/tfdiags/diagnostics.go).
GROUP = r"\d+ (?:error(?:s|\(s\))? occurred|problems):"
ROLLBACK = "Terraform does not automatically rollback in the face of errors."  # 0.11, backend/local/backend_apply.go
# OpenTofu's internal/tfdiags/consolidate_warnings.go: errors of the same summary, but perhaps of another detail.
SIMILAR_ERRORS = re.compile(r"\((?:and one more similar error|and \d+ more similar errors) elsewhere\)")

# Messages of -json: internal/command/views/json_view.go and internal/command/views/json. Their keys are sorted. In a
# JSON string every quote is escaped, so these cannot be part of a text.
JSON_MESSAGE = b'{"@level"'
ERROR_MESSAGE = b'{"@level":"error"'
DIAGNOSTIC, DIAGNOSTIC_TYPE = b'"diagnostic"', '"type":"diagnostic"'
VERSION = re.compile(rb'"(?:terraform|tofu)":"([^"]{1,64})","type":"version"')
APPLY = "apply_"
APPLY_START, APPLY_PROGRESS = f"{APPLY}start", f"{APPLY}progress"
APPLY_COMPLETE, APPLY_ERRORED = f"{APPLY}complete", f"{APPLY}errored"
PROVISION_START = "provision_start"

# Progress: internal/command/views/hook_ui.go (before 0.15 command/hook_ui.go).
CREATE, DESTROY, MODIFY = b": Creat", b": Destr", b": Modif"  # "Creating...", "Creation complete after 1s"
PROVISIONING = b": Provisioning with '"
STILL = b": Still "
CHANGE = re.compile(
    rf"(?P<address>{ADDRESS})(?: \(deposed object \w+\))?: "
    r"(?:(?P<begun>Creat|Modify|Destroy)ing\.\.\.|(?P<completed>Creation|Modifications|Destruction) complete after "
    r"|Provisioning with ')"
)
# "[10s elapsed]", "[id=i-1, 2m10s elapsed]", since 1.12 "[02m10s elapsed]", in 0.11 "(ID: i-1, 10s elapsed)".
ELAPSED = re.compile(
    rf"(?P<address>{ADDRESS})(?: \(deposed object \w+\))?: Still \w+\.\.\. [\[(](?:.*, )?"
    r"(?:(?P<hours>\d{1,9})h)?(?:(?P<minutes>\d{1,9})m)?(?P<seconds>\d{1,9})s elapsed[\])]$"
)

# A failed local-exec: internal/builtin/provisioners/local-exec/resource_provisioner.go; see output/local_exec.py.
LOCAL_EXEC = "local-exec provisioner error"
FAILED_COMMAND = "Error running command '"  # up to 0.14 the summary
COMMAND_OUTPUT = r"\. Output:(?: |$)"

# The end of an apply: internal/command/views/apply.go and operation.go.
APPLIED = "Apply complete! "
APPLY_CANCELLED = "Apply cancelled."
INTERRUPTED = b"Interrupt received."
# Prompts: internal/command/ui_input.go, internal/backend/local/backend_apply.go.
PROMPT = re.compile(r" {0,2}Enter a value: *")
ASKING_FOR_APPROVAL = "asking for approval"
# Refusals: internal/command/clistate/state.go, internal/command/meta_backend.go,
STATE_LOCKED = "Error acquiring the state lock"
STATE_LOCK = re.compile(r"the state lock|Error locking state")
# internal/backend/local/backend_local.go, internal/cloud/backend_apply.go,
STALE_PLAN = ("Saved plan is stale", "Saved plan does not match the given state")
PLAN_REFUSED = re.compile("|".join((*STALE_PLAN, "plan file can no longer be applied")))
# internal/backend/remote/backend_apply.go: old Terraform Enterprise.
NO_REFRESH_REFUSED = "Planning without refresh is not supported"
OPENTOFU = b"OpenTofu"  # begins what `tofu version` prints: OpenTofu's internal/command/views/version.go

# Summaries of errors whose detail the configuration's author has written: internal/addrs/check_rule.go,
# internal/terraform/eval_conditions.go and eval_variable.go, internal/moduletest/graph/eval_context.go, and
# hashicorp/hcl, hclsyntax/expression.go (the last three).
POSTCONDITION = "Resource postcondition failed"
AUTHORED = (
    "Resource precondition failed",
    POSTCONDITION,
    "Module output value precondition failed",
    "Check block assertion failed",
    "Invalid value for variable",
    "Invalid value for input variable",
    "Test assertion failed",
    "Invalid function argument",
    "Error in function call",
    "Duplicate object key",
)

# TF_LOG: hashicorp/go-hclog, intlogger.go; in 0.11 to 0.14 Go's own `log`, too.
LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
_LEVEL = rf"\[(?:{'|'.join(LOG_LEVELS)})\]"
LOG_LINE = re.compile(rf"\d{{4}}[-/]\d\d[-/]\d\d[T ]\S+ +{_LEVEL}")

# Terraform's output beside errors, where it stands behind a provider's text. A log of a script must not match.
_LOG = (
    rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}\S{{0,40}} {_LEVEL}|\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d {_LEVEL}"
    r'|\{"@level"'
)
# Progress, and internal/command/jsonformat/plan.go.
_PROGRESS = (
    r" \((?:local|remote)-exec\): |: Still \w{1,40}\.\.\. [\[(]|: Refreshing state\.\.\. |: Provisioning with '"
    r"|: (?:Creat|Modify|Destroy|Read)ing\.\.\.|: (?:Creation|Modifications|Destruction|Read) complete after "
)
_PLAN = (
    r"Terraform will perform the following actions|Changes to Outputs: |Plan: \d{1,9} to "
    r"|Apply complete! Resources: |Do you want to perform these actions"
)
BESIDE_ERRORS = re.compile(f"{_LOG}|{_PROGRESS}|{_PLAN}")
