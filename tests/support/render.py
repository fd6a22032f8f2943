"""Diagnostics written as the versions of terraform write them; terraform's rules, in our words."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

RED, YELLOW, GREY, BOLD, UNDER, RESET = (f"\x1b[{code}m" for code in (31, 33, 90, 1, 4, 0))
SENTENCE = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
AWS = f"creating ECS Service (nginx): operation error ECS: CreateService, InvalidParameterException: {SENTENCE}"
DENIED = (
    "AccessDeniedException: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecs:CreateService"
)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a diagnostic is to say."""

    summary: str
    detail: str = ""
    address: str | None = "aws_ecs_service.ecs"
    severity: str = "Error"
    located: bool = True
    code: str = 'resource "aws_ecs_service" "ecs" {'
    value: str | None = None


def wrap(text: str, width: int) -> str:
    """Lines broken at spaces only, no word ever; a line that begins with a space is left alone."""
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


def location(said: Said, *, colour: bool, values: str = "├│") -> str:
    """Where it happened: the address, the file and its line, that line, and the values in it."""
    under, reset, grey, bold = (UNDER, RESET, GREY, BOLD) if colour else ("", "", "", "")
    text = f"  with {said.address},\n" if said.address and values == "├│" else ""
    if not said.located:
        return text
    kind, name = (said.address or "aws_x.y").rsplit(".", 2)[-2:]
    text += f'  on main.tf line 14, in resource "{kind}" "{name.partition("[")[0]}":\n'
    text += "".join(f"{14 + at:4d}: {under}{line}{reset}\n" for at, line in enumerate(said.code.split("\n")))
    if said.value is not None:
        text += f"    {grey}{values[0]}────────────────{reset}\n"
        text += f"    {grey}{values[1]}{reset} {bold}var.x{reset} is {json.dumps(said.value)}\n"
    return text + "\n"


def box(said: Said, *, width: int = 78, colour: bool = True) -> str:
    """0.15 and later, and the remote form with or without colour."""
    tint, reset, bold = (RED if said.severity == "Error" else YELLOW, RESET, BOLD) if colour else ("", "", "")
    body = f"{reset}{bold}{tint}{said.severity}: {reset}{reset}{bold}{said.summary}{reset}\n\n"
    body += location(said, colour=colour)
    body += wrap(said.detail, width - 3) + "\n" if said.detail else ""
    rule = f"{tint}│{reset} "
    lines = "".join(f"{rule if line else rule.strip()}{line}\n" for line in body.removesuffix("\n").split("\n"))
    return f"{tint}╷{reset}{reset}\n{lines}{tint}╵{reset}{reset}\n"


def plain(said: Said, *, width: int = 78) -> str:
    """0.15 and later with -no-color: nothing marks the end."""
    detail = wrap(said.detail, width - 1) + "\n" if said.detail else ""
    return f"\n{said.severity}: {said.summary}\n\n{location(said, colour=False)}{detail}"


def legacy(said: Said, *, width: int = 78, colour: bool = True) -> str:
    """0.12 to 0.14: no gutter, no address, the values behind a rule of ASCII."""
    tint, reset, bold = (RED if said.severity == "Error" else YELLOW, RESET, BOLD) if colour else ("", "", "")
    detail = wrap(said.detail, width) + "\n" if said.detail else ""
    head = f"{tint}\n{bold}{tint}{said.severity}: {reset}{reset}{bold}{said.summary}{reset}\n\n"
    return f"{head}{reset}{location(said, colour=colour, values='||')}{reset}{detail}{reset}{reset}\n"


def bullets(errors: list[Said], *, colour: bool = True, newer: bool = False) -> str:
    """0.11 (*newer*: 0.11.14): every error of the run in one block, the module named in the outer bullet only."""
    tint, reset, bold = (RED, RESET, BOLD) if colour else ("", "", "")
    head = f"{tint}\n{bold}{tint}Error: {reset}{reset}{bold}Error applying plan:\n\n"
    tail = (
        "Terraform does not automatically rollback in the face of errors.\nInstead, your Terraform state file "
        f"has been partially updated with\nany resources that successfully completed.{reset}\n\n{reset}{reset}{reset}\n"
    )
    if newer:
        items = "".join(
            f"\t* {said.address}: 1 error occurred:\n\t* {bare(said.address)}: {said.summary}\n\n\n" for said in errors
        )
        noun = "error" if len(errors) == 1 else "errors"
        return f"{head}{len(errors)} {noun} occurred:\n{items}\n\n{tail}"
    items = "\n".join(
        f"* {said.address}: 1 error(s) occurred:\n\n* {bare(said.address)}: {said.summary}" for said in errors
    )
    return f"{head}{len(errors)} error(s) occurred:\n\n{items}\n\n{tail}"


def bare(address: str | None) -> str:
    """*address* without its modules."""
    return re.sub(r"^(?:module\.\w+\.)*", "", address or "")


def message(said: Said) -> str:
    """One line of -json."""
    diagnostic: dict[str, object] = {"severity": said.severity.lower(), "summary": said.summary, "detail": said.detail}
    if said.address:
        diagnostic["address"] = said.address
    if said.located:
        kind, name = (said.address or "aws_x.y").rsplit(".", 2)[-2:]
        context = f'resource "{kind}" "{name.partition("[")[0]}"'
        diagnostic["range"] = {"filename": "main.tf", "start": {"line": 14, "column": 1, "byte": 0}}
        diagnostic["snippet"] = {"context": context, "code": said.code, "start_line": 14, "values": []}
    return ui(f"{said.severity}: {said.summary}", diagnostic=diagnostic, type="diagnostic", level=said.severity.lower())


def ui(text: str, *, level: str = "info", **rest: object) -> str:
    """One line of -json that says anything."""
    head = {"@level": level, "@message": text, "@module": "terraform.ui", "@timestamp": "2026-11-23T17:39:33.130637Z"}
    line = json.dumps({**head, **rest}, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", line) + "\n"


PLAN = f"""
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
    PLAN,
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
WARNING = Said(
    summary="Check block assertion failed",
    detail=f"It may say\nError: {AWS}",
    severity="Warning",
    value=f"\nError: {AWS}\n",
)

SHAPES = {
    "box": lambda said, width: box(said, width=width),
    "remote": lambda said, width: box(said, width=width, colour=False),
    "plain": lambda said, width: plain(said, width=width),
    "json": lambda said, _width: message(said),
}
OLD_SHAPES = {
    "0.14": lambda said, width: legacy(said, width=width),
    "0.14 without colour": lambda said, width: legacy(said, width=width, colour=False),
}
