"""The rules for arguments of a KubernetesPodOperator, of ``@task.kubernetes`` and for default arguments: one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import libcst as cst

from adoption.arguments import Item, Items, call_text
from adoption.draft import Draft
from adoption.records import CATALOG, Edit
from adoption.syntax import MISSING
from pipelines.python_source import literal

TEMPLATE = "pod_template_file"
#: Arguments that bring a pod of their own: a template beside them would be ignored, or would ignore them.
OWN_PODS = (TEMPLATE, "pod_template_dict", "full_pod_spec")
TEMPLATE_SAYS = (
    *("metadata.namespace", "spec.serviceAccountName", "spec.automountServiceAccountToken", "spec.imagePullSecrets"),
    *("spec.securityContext", "spec.containers.image", "spec.containers.imagePullPolicy"),
    *("spec.containers.envFrom", "spec.containers.securityContext", "spec.containers.resources"),
)
FIXED = re.compile(r".+@sha256:[0-9a-f]{64}|.*/?[^/:]+:(?!latest$)[^/:]+")


@dataclass(frozen=True)
class Site:
    """The arguments of one operator. ``templated``: the pod template of an image type is under them."""

    draft: Draft
    items: Items
    templated: bool


Rule = Callable[[Site, Item], None]


def apply(draft: Draft, items: Items, templated: bool = False) -> None:
    """All rules to one operator's arguments; ``templated`` as default arguments have it."""
    site = Site(draft, items, is_templated(draft, items) or (templated and not items.get("image")))
    for item in items.all:
        if item.name in RULES:
            RULES[item.name](site, item)
    if items.unknown and items.is_call:
        star = next(item for item in items.all if not item.name)
        draft.leave(star.node, "arguments that stand elsewhere were not looked at: correct them there", needed=False)


def is_templated(draft: Draft, items: Items) -> bool:
    """Whether an image type's pod template is under these arguments, or will be."""
    image = items.get("image")
    own = any(items.get(name) for name in OWN_PODS) or (items.unknown and items.is_call)
    ours = _is_catalog(draft, items.get(TEMPLATE), "pod_template")
    return ours or (image is not None and not own and _type(draft, image) is not None)


def _type(draft: Draft, item: Item) -> str | None:
    found = draft.source.value(draft.source.resolved(item.value))
    return draft.choices.type_of(found) if isinstance(found, str) else None


def _is_catalog(draft: Draft, item: Item | None, name: str) -> bool:
    """Whether a value is already what the catalog module says."""
    value = draft.source.resolved(item.value) if item else None
    return isinstance(value, cst.Call) and draft.source.called(value) == f"{CATALOG}.{name}"


def _calls(draft: Draft, node: cst.CSTNode, full: str) -> bool:
    start, end = draft.source.span(node)
    return any(
        draft.source.called(call) == full and start <= draft.source.span(call)[0] < end
        for call in draft.source.all(cst.Call)
    )


def _image(site: Site, item: Item) -> None:
    draft = site.draft
    if _is_catalog(draft, item, "image"):
        return
    found = draft.source.value(draft.source.resolved(item.value))
    if not isinstance(found, str):
        draft.leave(item.node, 'an image that is computed: write image("<type>") of the catalog module')
        return
    type_ = draft.choices.type_of(found)
    fixed = FIXED.fullmatch(found) is not None
    if type_ is None:
        why = f"nothing says which image type stands for it: --image {found}=<type>"
        draft.leave(
            item.node, why if fixed else f"{why}; what a tag such as latest names changes under a run", not fixed
        )
        return
    if site.templated:
        becomes = f"{draft.catalog('pod_template')}({literal(type_)})"
        why = "the type's template: image by digest, pull secret, namespace, account, bucket, restricted security"
        edit = site.items.rewritten(item, TEMPLATE, becomes)
        pod: tuple[str, ...] = TEMPLATE_SAYS
        becomes = f"{TEMPLATE}={becomes}"
    else:
        becomes, why = f"{draft.catalog('image')}({literal(type_)})", "the reference that was built for this version"
        edit = site.items.revalued(item, becomes)
        pod = ("spec.containers.image",)
    draft.change(item.node, becomes, why, [edit], pod, needed=not fixed)


def _pull_secrets(site: Site, item: Item) -> None:
    draft = site.draft
    why = "the registry's pull secret is the stack's"
    if site.templated:
        _remove(site, item, why, ("spec.imagePullSecrets",))
    elif not _calls(draft, item.value, f"{CATALOG}.pull_secret"):
        reference = call_text(
            f"{draft.models()}.V1LocalObjectReference", [("name", f"{draft.catalog('pull_secret')}()")]
        )
        draft.change(
            item.node, reference, why, [site.items.revalued(item, f"[{reference}]")], ("spec.imagePullSecrets",)
        )


def _pull_policy(site: Site, item: Item) -> None:
    found = site.draft.source.value(item.value)
    pod = ("spec.containers.imagePullPolicy",)
    why = "a reference that never changes is pulled once a node"
    if found in ("Always", "Never") and site.templated:
        _remove(site, item, why, pod, needed=False)
    elif found in ("Always", "Never"):
        edit = site.items.revalued(item, literal("IfNotPresent"))
        site.draft.change(item.node, literal("IfNotPresent"), why, [edit], pod, needed=False)


def _namespace(site: Site, item: Item) -> None:
    draft = site.draft
    value = draft.source.resolved(item.value)
    known = isinstance(value, cst.SimpleString) or (isinstance(value, cst.Call) and is_namespace_setting(draft, value))
    why, pod = "tasks' pods have a namespace of their own", ("metadata.namespace",)
    if _is_catalog(draft, item, "namespace"):
        return
    if not known:
        draft.leave(item.node, "a namespace that is computed: pods may only be in namespace() of the catalog module")
    elif site.templated:
        _remove(site, item, why, pod)
    else:
        becomes = f"{draft.catalog('namespace')}()"
        draft.change(item.node, becomes, why, [site.items.revalued(item, becomes)], pod)


def is_namespace_setting(draft: Draft, call: cst.Call) -> bool:
    """``conf.get("kubernetes", "namespace")``, a setting that Airflow 3 has not."""
    if draft.source.called(call) not in ("airflow.configuration.conf.get", "airflow.configuration.get"):
        return False
    found = [draft.source.value(argument.value) for argument in call.args[:2] if argument.keyword is None]
    return [str(one).lower() for one in found] == ["kubernetes", "namespace"]


def _is_delete(site: Site, item: Item) -> None:
    value = site.draft.source.value(item.value)
    kept = {True: literal("delete_pod"), False: literal("keep_pod")}
    text = f"{kept[True]} if {site.draft.source.text_of(item.value)} else {kept[False]}"
    becomes = kept[value] if isinstance(value, bool) else text
    edit = site.items.rewritten(item, "on_finish_action", becomes)
    why = "Airflow 3 takes is_delete_operator_pod and ignores it"
    site.draft.change(item.node, f"on_finish_action={becomes}", why, [edit])


def _resources(site: Site, item: Item) -> None:
    draft = site.draft
    value = draft.source.resolved(item.value)
    text = _amounts(draft, value)
    why = "an operator's resources are Airflow's own; the container's are container_resources"
    pod = ("spec.containers.resources",)
    if text is None:
        draft.leave(item.node, f"{why}: write k8s.V1ResourceRequirements(requests=..., limits=...)")
        return
    if value is item.value or not _only_resources(draft, item.value):
        edits = [site.items.rewritten(item, "container_resources", text)]
    else:
        definition = Edit(*draft.source.span(value), text)
        text = draft.source.text_of(item.value)
        edits = [site.items.renamed(item, "container_resources"), definition]
    draft.change(item.node, f"container_resources={text}", why, edits, pod)


def _only_resources(draft: Draft, name: cst.BaseExpression) -> bool:
    """Whether a name is used as ``resources=`` and for nothing else."""
    parents = [draft.source.parent(use) for use in draft.source.uses(draft.source.text_of(name))]
    return all(isinstance(one, cst.Arg) and one.keyword and one.keyword.value == "resources" for one in parents)


#: Key of Airflow's own resources -> (part, name in a manifest).
AMOUNTS: Mapping[str, tuple[str, str]] = {
    "request_cpu": ("requests", "cpu"),
    "request_memory": ("requests", "memory"),
    "request_ephemeral_storage": ("requests", "ephemeral-storage"),
    "limit_cpu": ("limits", "cpu"),
    "limit_memory": ("limits", "memory"),
    "limit_ephemeral_storage": ("limits", "ephemeral-storage"),
    "limit_gpu": ("limits", "nvidia.com/gpu"),
}


def _amounts(draft: Draft, value: cst.BaseExpression) -> str | None:
    """The requirements that a dictionary, a ``Resources(...)`` or a model says; None where it is anything else."""
    if isinstance(value, cst.Call):
        called = {name.rpartition(".")[2] for name in draft.source.imported(value.func)}
        if called == {"V1ResourceRequirements"}:
            return draft.source.text_of(value)
        if called != {"Resources"}:
            return None
        draft.replace(value)
    elif not isinstance(value, cst.Dict):
        return None
    items = Items(draft.source, value)
    if items.unknown or any(one.name not in AMOUNTS for one in items.all):
        return None
    parts: dict[str, list[str]] = {}
    for one in items.all:
        part, name = AMOUNTS[one.name]
        if draft.source.value(one.value) is not None:
            parts.setdefault(part, []).append(f"{literal(name)}: {_quantity(draft, one)}")
    named = [(part, f"{{{', '.join(texts)}}}") for part, texts in parts.items()]
    return call_text(f"{draft.models()}.V1ResourceRequirements", named)


def _quantity(draft: Draft, item: Item) -> str:
    value = draft.source.value(item.value)
    # Kubernetes' models send a number as a number, which the API refuses as a quantity of memory.
    return draft.source.text_of(item.value) if value is MISSING or isinstance(value, str) else literal(str(value))


def _remove(site: Site, item: Item, why: str, pod: tuple[str, ...] = (), needed: bool = True) -> None:
    site.draft.remove(site.items, [item], why, pod, needed)


def _dropped(why: str, needed: bool = True) -> Rule:
    """Taken away where the value is a literal or a name; a call might do something."""

    def rule(site: Site, item: Item) -> None:
        if isinstance(item.value, cst.SimpleString | cst.Name | cst.Attribute):
            _remove(site, item, why, (), needed)
        else:
            site.draft.leave(item.node, why, needed)

    return rule


def _renamed(name: str, why: str) -> Rule:
    def rule(site: Site, item: Item) -> None:
        site.draft.change(
            item.node, f"{name}={site.draft.source.shown(item.value)}", why, [site.items.renamed(item, name)]
        )

    return rule


def _said(why: str) -> Rule:
    def rule(site: Site, item: Item) -> None:
        site.draft.leave(item.node, why, needed=False)

    return rule


CLUSTER = "pods start in the cluster that Airflow runs in, as its connection kubernetes_default says"
SECURITY = "stands instead of the template's: pods must satisfy the restricted Pod Security Standard themselves"

RULES: Mapping[str, Rule] = {
    "image": _image,
    "image_pull_secrets": _pull_secrets,
    "image_pull_policy": _pull_policy,
    "namespace": _namespace,
    "in_cluster": _dropped(CLUSTER),
    "cluster_context": _dropped(CLUSTER),
    "config_file": _dropped(CLUSTER),
    "is_delete_operator_pod": _is_delete,
    "resources": _resources,
    "node_selectors": _renamed("node_selector", "Airflow 3 knows no node_selectors"),
    "xcom_push": _renamed("do_xcom_push", "Airflow 3 knows no xcom_push"),
    "service_account_name": _said(
        "this account must exist in the tasks' namespace; without it the template's is taken"
    ),
    "security_context": _said(SECURITY),
    "container_security_context": _said(SECURITY),
}
