"""The provider `sim`: the resources `sim_service` and `sim_odd-service`, and the data source `sim_fact`."""

from __future__ import annotations

import os
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar

from provider.cloud import Cloud
from provider.kinds import Object, SetOf, WriteOnly
from tf import types
from tf.blocks import SetNestedBlock
from tf.iface import DataSource, Provider, Resource
from tf.schema import Attribute, Block, Schema

DELAYS = {verb: int(os.environ.get(f"SIM_{verb.upper()}_MS", "0")) for verb in ("create", "read", "update", "delete")}
WRITE_ONLY = "SIM_WRITE_ONLY" in os.environ  # only terraform from 1.11 on knows such attributes
# The configuration of the object that the current thread applies: nothing else has the write-only value.
CONFIGURED: ContextVar[Any] = ContextVar("CONFIGURED", default=None)

STRING, NUMBER = types.String(), types.Number()


class Service(Resource):
    """An object in the cloud: *name* replaces it, all else is updated in place."""

    SCHEMA: ClassVar = Schema(
        version=1,
        attributes=[
            Attribute("id", STRING, computed=True),
            Attribute("arn", STRING, computed=True),
            Attribute("revision", NUMBER, computed=True),
            Attribute("name", STRING, required=True, requires_replace=True),
            Attribute("size", NUMBER, optional=True),
            Attribute("note", STRING, optional=True),
            Attribute("secret", STRING, optional=True, sensitive=True),
            *([WriteOnly("token", STRING, optional=True)] if WRITE_ONLY else []),
            Attribute("tags", types.Map(STRING), optional=True),
            Attribute("zones", SetOf(STRING), optional=True),
            Attribute("ports", types.List(NUMBER), optional=True),
            Attribute("network", Object(subnet=STRING, public=types.Bool()), optional=True),
        ],
        block_types=[
            SetNestedBlock(
                "setting",
                Block(attributes=[Attribute("key", STRING, required=True), Attribute("value", STRING, optional=True)]),
            )
        ],
    )

    def __init__(self, provider: Sim) -> None:
        self._provider = provider
        self._cloud = provider.cloud

    @classmethod
    def get_name(cls) -> str:
        """The type's name without the provider's."""
        return "service"

    @classmethod
    def get_schema(cls) -> Schema:
        """One schema for all."""
        return cls.SCHEMA

    def plan(self, ctx: Any, current: Any, planned: Any) -> Any:  # noqa: ARG002 — the framework's signature
        """An update makes a new revision, known after it."""
        return planned if planned == current else {**planned, "revision": types.Unknown}

    def create(self, ctx: Any, planned: Any) -> Any:
        """A new object under a new id, whatever its name; on a fault it is tainted or there is none."""
        fault = self._failed(ctx, "create", planned["name"])
        if fault is not None and not fault.leaves:
            return None
        object_id = f"{planned['name']}-{os.urandom(4).hex()}"
        arn = f"arn:aws:ecs:eu-central-1:123456789012:service/{object_id}"
        made = {**planned, "id": object_id, "arn": arn, "revision": 1}
        self._cloud.put(object_id, {**made, **self._stateless()})
        self._cloud.log("create", planned["name"])
        return made

    def read(self, ctx: Any, current: Any) -> Any:
        """The object as it is in the cloud; None if it was deleted."""
        if self._failed(ctx, "read", current["name"]):
            return current
        self._cloud.log("read", current["name"])
        found = self._cloud.get(current["id"])
        return None if found is None else {name: found.get(name, value) for name, value in current.items()}

    def update(self, ctx: Any, current: Any, planned: Any) -> Any:
        """The same object with new values; on a fault with the old ones, or with new ones that only the state has.

        The latter is what the plugin SDK v2 does: hashicorp/terraform-plugin-sdk#476.
        """
        postponed = self._cloud.fault("update", current["name"])
        if postponed is not None and postponed.postpones:
            self._cloud.log("update", current["name"])
            return current
        fault = self._failed(ctx, "update", current["name"])
        if fault is not None:
            return {**planned, "revision": current["revision"] + 1} if fault.leaves else current
        made = {**planned, "revision": current["revision"] + 1}
        self._cloud.put(current["id"], {**made, **self._stateless()})
        self._cloud.log("update", current["name"])
        return made

    def delete(self, ctx: Any, current: Any) -> Any:
        """No object; on a fault still there."""
        if self._failed(ctx, "delete", current["name"]):
            return current
        self._cloud.remove(current["id"])
        self._cloud.log("delete", current["name"])
        return None

    def import_(self, ctx: Any, id: str) -> Any:  # noqa: A002 — the framework's name
        """An object that is in the cloud already."""
        found = self._cloud.get(id)
        if found is None:
            ctx.diagnostics.add_error(f"no object {id} to import")
            return None
        blank = {**{each.name: None for each in self.SCHEMA.attributes}, "setting": []}
        return {name: found.get(name, value) for name, value in blank.items()}

    def _stateless(self) -> dict[str, Any]:
        """Values that reach the cloud and are in no state: the write-only value and the provider's configuration."""
        return {"token": (CONFIGURED.get() or {}).get("token"), **self._provider.configured}

    def _failed(self, ctx: Any, verb: str, name: str) -> Any:
        time.sleep(DELAYS[verb] / 1000)
        fault = self._cloud.fault(verb, name)
        if fault is None:
            return None
        self._cloud.log(f"failed {verb}", name)
        error = fault.error.replace("{name}", name).replace("{request}", os.urandom(16).hex())
        ctx.diagnostics.add_error(*(("Service unavailable", error) if fault.wrapped else (error,)))
        return fault


class OddService(Service):
    """The same under a name with a hyphen."""

    @classmethod
    def get_name(cls) -> str:
        """The type's name without the provider's."""
        return "odd-service"


class Fact(DataSource):
    """A value that the test sets."""

    SCHEMA: ClassVar = Schema(
        attributes=[Attribute("name", STRING, required=True), Attribute("value", STRING, computed=True)]
    )

    def __init__(self, provider: Sim) -> None:
        self._cloud = provider.cloud

    @classmethod
    def get_name(cls) -> str:
        """The type's name without the provider's."""
        return "fact"

    @classmethod
    def get_schema(cls) -> Schema:
        """One schema for all."""
        return cls.SCHEMA

    def read(self, ctx: Any, config: Any) -> Any:  # noqa: ARG002 — the framework's signature
        """The current value."""
        time.sleep(DELAYS["read"] / 1000)
        self._cloud.log("fact", config["name"])
        return {**config, "value": self._cloud.fact(config["name"])}


class Sim(Provider):
    """The provider; the directory of its cloud is in SIM_CLOUD."""

    SCHEMA: ClassVar = Schema(
        attributes=[Attribute("account", STRING, optional=True)],
        block_types=[SetNestedBlock("assume", Block(attributes=[Attribute("role", STRING, required=True)]))],
    )

    def __init__(self) -> None:
        self.cloud = Cloud(root=Path(os.environ["SIM_CLOUD"]))
        self.configured: dict[str, Any] = {}

    def get_model_prefix(self) -> str:
        """The prefix of its types."""
        return "sim_"

    def full_name(self) -> str:
        """Its address: of the default registry and namespace, so that no configuration has to name it."""
        return "registry.terraform.io/hashicorp/sim"

    def get_provider_schema(self, diags: Any) -> Schema:  # noqa: ARG002 — the framework's signature
        """An account, and roles to assume; both are optional."""
        return self.SCHEMA

    def validate_config(self, diags: Any, config: Any) -> None:
        """Any configuration is right."""

    def configure_provider(self, diags: Any, config: Any) -> None:  # noqa: ARG002 — the framework's signature
        """Each object that is created from now on has it."""
        roles = sorted(str(each["role"]) for each in config["assume"])
        self.configured = {"account": config["account"], "roles": roles}

    def get_data_sources(self) -> list[type[DataSource]]:
        """All data sources."""
        return [Fact]

    def get_resources(self) -> list[type[Resource]]:
        """All resources."""
        return [Service, OddService]
