"""The settings of a run: options override TFRETRY_* variables, which override .tfretry.toml and the defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tfretry.causes.table import TABLE, Cause, custom_cause
from tfretry.config import toml_file, values
from tfretry.config.options import BY_NAME, GONE, OPTIONS, Given, Option
from tfretry.errors import TfretryError

FROM_TABLE = {cause.name: cause for cause in TABLE}

Found = tuple[str, Any]  # where a value stood, and the value as it stood there


def _set_by(name: str, parse: Callable[[str, Any], Any], *, has_default: bool = True) -> Any:
    """Return a field that the option *name* sets; *has_default*: the option's default is a value, else it is None."""
    option = BY_NAME[name]
    default = parse(name, option.default) if has_default else None
    return field(default=default, metadata={"key": option.key, "parse": parse})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this run retries and what it reports."""

    timeout_s: float = _set_by("--timeout", values.duration_s)
    max_attempts: int | None = _set_by("--max-attempts", values.count, has_default=False)
    first_wait_s: float = _set_by("--first-wait", values.duration_s)
    longest_wait_s: float = _set_by("--longest-wait", values.positive_duration_s)
    causes: tuple[Cause, ...] = (FROM_TABLE[BY_NAME["--cause"].default],)
    refresh_on_retry: bool = _set_by("--refresh-on-retry", values.switch)
    on_retry: str | None = _set_by("--on-retry", values.text_or_none)
    report: str | None = _set_by("--report", values.text_or_none)
    log_format: str | None = _set_by("--log-format", values.log_format, has_default=False)  # JSON with -json, else text
    quiet: bool = _set_by("--quiet", values.switch)


def load_settings(given: Given, environ: Mapping[str, str], directory: str | None) -> Settings:
    """Return the settings of this run; *directory* is that of `-chdir`.

    Raises TfretryError with one sentence that names the option, the variable, or the file and key of a bad value.
    """
    found = _from_file(directory) | _from_environment(environ) | _from_options(given)
    set_by = {each.name: each.metadata for each in fields(Settings) if each.metadata.get("key") in found}
    parsed = {name: option["parse"](*found[option["key"]]) for name, option in set_by.items()}
    return Settings(causes=_causes(found), **parsed)


def _causes(found: Mapping[str, Found]) -> tuple[Cause, ...]:
    """Return the causes that the user enables, after those that are enabled by default."""
    causes = list(Settings().causes)
    where, names = found.get("causes", ("", []))
    for name in _list(where, names):
        if not isinstance(name, str) or (name != "all" and name not in FROM_TABLE):
            values.refuse(where, name, f"one of {', '.join(FROM_TABLE)} or all")
        causes += [FROM_TABLE[name]] if name != "all" else [each for each in TABLE if each.in_all]
    where, patterns = found.get("retry_on", ("", []))
    causes += [
        _custom(where, pattern, name="retry-on", why="an error that --retry-on names")
        for pattern in _list(where, patterns)
    ]
    where, tables = found.get("cause", ("", []))
    causes += [_cause_of_table(where, table) for table in _list(where, tables)]
    return tuple({id(cause): cause for cause in causes}.values())


def _list(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        values.refuse(where, value, "a list")
    return value


def _cause_of_table(where: str, table: Any) -> Cause:
    if not isinstance(table, dict) or set(table) - {"why"} != {"name", "pattern"}:
        raise TfretryError(f"{where}: each [[cause]] takes name and pattern, and may have why")
    if not all(isinstance(value, str) and value for value in table.values()):
        raise TfretryError(f"{where}: name, pattern and why of a [[cause]] must be strings that are not empty")
    return _custom(
        f"{where}: {table['name']}",
        table["pattern"],
        name=table["name"],
        why=table.get("why", f"an error of the cause {table['name']}"),
    )


def _custom(where: str, pattern: Any, *, name: str, why: str) -> Cause:
    if not isinstance(pattern, str) or not pattern:
        values.refuse(where, pattern, "a regular expression that is not empty")
    try:
        return custom_cause(name, pattern, why)
    except ValueError as error:
        raise TfretryError(f"{where}: {error}") from error


KEYS = frozenset({"cause", *(option.key for option in OPTIONS)})


def _from_options(given: Given) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for option, value in given:
        if option.separator:
            _, before = found.get(option.key, (option.name, []))
            found[option.key] = (option.name, [*before, value])
        else:
            found[option.key] = (option.name, value)
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, Found]:
    return {
        option.key: (option.variable, value)
        for option in OPTIONS
        if option.variable in environ and (value := _of_variable(option, environ[option.variable])) is not None
    }


def _of_variable(option: Option, text: str) -> str | list[str] | None:
    """Return the value or values in *text*; None for an empty one: CI systems pass on unset parameters so."""
    if option.separator:
        return [part.strip() for part in text.split(option.separator) if part.strip()] or None
    is_switch = option.value is None
    return text if is_switch or text.strip() else None


def _from_file(directory: str | None) -> dict[str, Found]:
    path = toml_file.find(directory)
    if path is None:
        return {}
    content = toml_file.read(path)
    for key in content:
        if why := GONE.get(f"--{key.replace('_', '-')}"):
            raise TfretryError(f"{path}: the key {key!r} is gone: {why}")
        if key not in KEYS:
            raise TfretryError(f"{path}: there is no key {key!r}; expected one of {', '.join(sorted(KEYS))}")
    values.text_or_none(f"{path}: terraform", content.get("terraform", ""))
    return {key: (f"{path}: {key}", value) for key, value in content.items()}
