"""Write diagnostics as each version of terraform does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from aws_errors import AWS, SENTENCE

RED, YELLOW, GREY, BOLD, UNDER, RESET = (f"\x1b[{code}m" for code in (31, 33, 90, 1, 4, 0))
KEYED_ADDRESS = 'module.app["blue"].aws_ecs_service.this[0]'


@dataclass(frozen=True, kw_only=True)
class Content:
    """The content of a diagnostic, whatever its format."""

    summary: str
    detail: str = ""
    address: str | None = "aws_ecs_service.ecs"
    severity: str = "Error"
    located: bool = True
    code: str = 'resource "aws_ecs_service" "ecs" {'
    value: str | None = None


def wrap(text: str, width: int) -> str:
    """Break lines at spaces only, never within a word; a line that begins with a space stays as it is."""
    return "\n".join(line if line.startswith(" ") else _wrap_line(line, width) for line in text.split("\n"))


def _wrap_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line.rstrip(" ")
    lines = [""]
    for gap, word in re.findall(r"( *)([^ ]+)", line):
        if lines[-1] and len(lines[-1]) + len(gap) + len(word) > width:
            lines.append(word)
        else:
            lines[-1] += gap + word
    return "\n".join(lines)


def location(content: Content, *, colour: bool, values: str = "├│") -> str:
    """Write the location: the address, the file and line, the source, and the values in it."""
    under, reset, grey, bold = (UNDER, RESET, GREY, BOLD) if colour else ("", "", "", "")
    text = f"  with {content.address},\n" if content.address and values == "├│" else ""
    if not content.located:
        return text
    kind, name = (content.address or "aws_x.y").rsplit(".", 2)[-2:]
    text += f'  on main.tf line 14, in resource "{kind}" "{name.partition("[")[0]}":\n'
    text += "".join(f"{14 + at:4d}: {under}{line}{reset}\n" for at, line in enumerate(content.code.split("\n")))
    if content.value is not None:
        text += f"    {grey}{values[0]}────────────────{reset}\n"
        text += f"    {grey}{values[1]}{reset} {bold}var.x{reset} is {json.dumps(content.value)}\n"
    return text + "\n"


def box(content: Content, *, width: int = 78, colour: bool = True) -> str:
    """Write it as 0.15 and later do, and as a remote run does with and without colour."""
    tint, reset, bold = (RED if content.severity == "Error" else YELLOW, RESET, BOLD) if colour else ("", "", "")
    body = f"{reset}{bold}{tint}{content.severity}: {reset}{reset}{bold}{content.summary}{reset}\n\n"
    body += location(content, colour=colour)
    body += wrap(content.detail, width - 3) + "\n" if content.detail else ""
    rule = f"{tint}│{reset} "
    lines = "".join(f"{rule if line else rule.strip()}{line}\n" for line in body.removesuffix("\n").split("\n"))
    return f"{tint}╷{reset}{reset}\n{lines}{tint}╵{reset}{reset}\n"


def plain(content: Content, *, width: int = 78) -> str:
    """Write it as 0.15 and later do with -no-color: nothing marks its end."""
    detail = wrap(content.detail, width - 1) + "\n" if content.detail else ""
    return f"\n{content.severity}: {content.summary}\n\n{location(content, colour=False)}{detail}"


def legacy(content: Content, *, width: int = 78, colour: bool = True) -> str:
    """Write it as 0.12 to 0.14 do: without gutter and address, the values behind an ASCII rule."""
    tint, reset, bold = (RED if content.severity == "Error" else YELLOW, RESET, BOLD) if colour else ("", "", "")
    detail = wrap(content.detail, width) + "\n" if content.detail else ""
    head = f"{tint}\n{bold}{tint}{content.severity}: {reset}{reset}{bold}{content.summary}{reset}\n\n"
    return f"{head}{reset}{location(content, colour=colour, values='||')}{reset}{detail}{reset}{reset}\n"


def bullets(errors: list[Content], *, colour: bool = True, newer: bool = False) -> str:
    """Write all errors of a run as 0.11 does (*newer*: 0.11.14): in one block, the module in the outer bullet only."""
    tint, reset, bold = (RED, RESET, BOLD) if colour else ("", "", "")
    head = f"{tint}\n{bold}{tint}Error: {reset}{reset}{bold}Error applying plan:\n\n"
    tail = (
        "Terraform does not automatically rollback in the face of errors.\nInstead, your Terraform state file "
        f"has been partially updated with\nany resources that successfully completed.{reset}\n\n{reset}{reset}{reset}\n"
    )
    if newer:
        items = "".join(
            f"\t* {content.address}: 1 error occurred:\n\t* {bare(content.address)}: {content.summary}\n\n\n"
            for content in errors
        )
        noun = "error" if len(errors) == 1 else "errors"
        return f"{head}{len(errors)} {noun} occurred:\n{items}\n\n{tail}"
    items = "\n".join(
        f"* {content.address}: 1 error(s) occurred:\n\n* {bare(content.address)}: {content.summary}"
        for content in errors
    )
    return f"{head}{len(errors)} error(s) occurred:\n\n{items}\n\n{tail}"


def bare(address: str | None) -> str:
    """Return *address* without its modules."""
    return re.sub(r"^(?:module\.\w+\.)*", "", address or "")


def message(content: Content) -> str:
    """Write it as one line of -json."""
    diagnostic: dict[str, object] = {
        "severity": content.severity.lower(),
        "summary": content.summary,
        "detail": content.detail,
    }
    if content.address:
        diagnostic["address"] = content.address
    if content.located:
        kind, name = (content.address or "aws_x.y").rsplit(".", 2)[-2:]
        context = f'resource "{kind}" "{name.partition("[")[0]}"'
        diagnostic["range"] = {"filename": "main.tf", "start": {"line": 14, "column": 1, "byte": 0}}
        diagnostic["snippet"] = {"context": context, "code": content.code, "start_line": 14, "values": []}
    return ui(
        f"{content.severity}: {content.summary}",
        diagnostic=diagnostic,
        type="diagnostic",
        level=content.severity.lower(),
    )


def ui(text: str, *, level: str = "info", **rest: object) -> str:
    """Write any message of -json."""
    head = {"@level": level, "@message": text, "@module": "terraform.ui", "@timestamp": "2026-11-23T17:39:33.130637Z"}
    line = json.dumps({**head, **rest}, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", line) + "\n"


QUOTING_PLAN = f"""
Terraform will perform the following actions:

  # terraform_data.x will be created
  + resource "terraform_data" "x" {{
      + input  = <<-EOT
            Error: {AWS}
            done
        EOT
      + output = "Error: {AWS}"
    }}

Plan: 1 to add, 0 to change, 0 to destroy.
"""
# Each of these quotes the sentence, and none is an error.
NOISE = (
    QUOTING_PLAN,
    f"Changes to Outputs:\n  + notes = <<-EOT\n        line1\n        Error: {AWS}\n    EOT\n",
    f"\x1b[0m\x1b[1mterraform_data.x (local-exec):\x1b[0m \x1b[0mError: {AWS}\n",
    f'module.app["blue"].terraform_data.x[0] (local-exec): Error: {AWS}\n',
    "aws_ecs_service.ecs: Still creating... [10s elapsed]\n",
    f"terraform_data.y: Creation complete after 0s [id={SENTENCE}]\n",
    f'2026-11-24T01:42:03.123Z [DEBUG] provider.aws: Error: {AWS}: tf_rpc="ApplyResourceChange"\n',
    f"2020/06/01 12:00:00 [TRACE] vertex: Error: {AWS}\n",
    f'{{"@level":"error","@message":"Error: {AWS}","@module":"provider.aws","@timestamp":"2026-11-24T01:42:03.1Z"}}\n',
    ui(f"terraform_data.x: (local-exec): Error: {AWS}", type="provision_progress", hook={"output": f"Error: {AWS}"}),
    ui("Outputs: 1", type="outputs", outputs={"diagnostic": {"value": f"Error: {AWS}"}}),
)
WARNING = Content(
    summary="Check block assertion failed",
    detail=f"It may say\nError: {AWS}",
    severity="Warning",
    value=f"\nError: {AWS}\n",
)

FORMATS = {
    "box": lambda content, width: box(content, width=width),
    "remote": lambda content, width: box(content, width=width, colour=False),
    "plain": lambda content, width: plain(content, width=width),
    "json": lambda content, _width: message(content),
}
OLD_FORMATS = {
    "0.14": lambda content, width: legacy(content, width=width),
    "0.14 without colour": lambda content, width: legacy(content, width=width, colour=False),
}
