"""What the rules have found so far, and the names that an edited file may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from adoption.arguments import Item, Items
from adoption.records import CATALOG, Choices, Edit, Finding
from adoption.syntax import Source

MODELS = "kubernetes.client.models"
PENDULUM = "pendulum"
PODS = "airflow.providers.cncf.kubernetes.pod_generator"
NOTHING = "(nothing)"


class Draft:
    """Findings with their edits. The names that edits use are imported once, at the end."""

    def __init__(self, source: Source, choices: Choices) -> None:
        self.source = source
        self.choices = choices
        self.changes: list[tuple[Finding, tuple[Edit, ...]]] = []
        self.left: list[Finding] = []
        self._removed: dict[tuple[int, int], tuple[Items, list[tuple[Item, Finding]]]] = {}
        #: Nodes of names that an edit takes away, by identity.
        self.replaced_names: set[int] = set()
        #: Statement of an import that an edit needs -> nothing; in the order they were asked for.
        self.wanted: dict[str, None] = {}
        self._local = dict(_imported_here(source))

    def change(
        self,
        node: cst.CSTNode,
        becomes: str,
        why: str,
        edits: Iterable[Edit],
        pod: Sequence[str] = (),
        needed: bool = True,
        found: str = "",
    ) -> None:
        finding = Finding(*self.source.place(node), found or self.source.shown(node), becomes, why, tuple(pod), needed)
        self.changes.append((finding, tuple(edits)))

    def remove(
        self, items: Items, gone: Sequence[Item], why: str, pod: Sequence[str] = (), needed: bool = True
    ) -> None:
        """Take items away; what else goes from between the same brackets is known at the end."""
        for item in gone:
            place = self.source.place(item.node)
            finding = Finding(*place, self.source.shown(item.node), NOTHING, why, tuple(pod), needed)
            self._removed.setdefault(items.span, (items, []))[1].append((item, finding))

    def all_changes(self) -> list[tuple[Finding, tuple[Edit, ...]]]:
        """Every change with its edits, removals too."""
        removals = list[tuple[Finding, tuple[Edit, ...]]]()
        for items, gone in self._removed.values():
            by_start = {item.start: item for item in items.all}
            edits = items.removed({by_start[item.start] for item, _ in gone})
            removals += [(finding, (edits[by_start[item.start]],)) for item, finding in gone]
        return [*self.changes, *removals]

    def leave(self, node: cst.CSTNode, why: str, needed: bool = True) -> None:
        self.left.append(Finding(*self.source.place(node), self.source.shown(node), None, why, (), needed))

    def replace(self, call: cst.Call) -> None:
        """An edit writes a call anew: the name that it called is used no more there."""
        called: cst.BaseExpression = call.func
        while isinstance(called, cst.Attribute):
            called = called.value
        self.replaced_names.add(id(called))

    def catalog(self, name: str) -> str:
        """How the edited file calls a function of the catalog module."""
        return self._named(f"{CATALOG}.{name}", f"from {CATALOG} import {name}", name, f"catalog_{name}")

    def models(self) -> str:
        """How the edited file calls the models of the Kubernetes client."""
        for full in (MODELS, "kubernetes.client"):
            if full in self._local:
                return self._local[full]
        return self._named(MODELS, "from kubernetes.client import models", "k8s", "kubernetes_models", "models")

    def pendulum(self) -> str:
        return self._named(PENDULUM, "import pendulum", PENDULUM, "pendulum_", PENDULUM)

    def pod_generator(self) -> str:
        return self._named(f"{PODS}.PodGenerator", f"from {PODS} import PodGenerator", "PodGenerator", "PodGenerator_")

    def _named(self, full: str, statement: str, name: str, other: str, own: str = "") -> str:
        if full not in self._local:
            chosen = name if name not in self.source.names else other
            self.wanted[statement if chosen == (own or name) else f"{statement} as {chosen}"] = None
            self._local[full] = chosen
        return self._local[full]


def _imported_here(source: Source) -> Iterable[tuple[str, str]]:
    """Full name -> local name of what the module imports at its top level."""
    for line in source.module.body:
        for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(statement, cst.Import | cst.ImportFrom) and not isinstance(statement.names, cst.ImportStar):
                above = statement.module if isinstance(statement, cst.ImportFrom) else None
                module = source.text_of(above) + "." if above else ""
                for alias in statement.names:
                    name = source.text_of(alias.name)
                    local = source.text_of(alias.asname.name) if alias.asname else name
                    yield f"{module}{name}", local
