from __future__ import annotations

import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra import pod_template


def as_the_chart_renders_it(text: str) -> str:
    """What ``tpl`` makes of the only template that we emit."""
    return re.sub(r'\{\{ "\{\{" \}\}', "{{", text)


@given(st.text(alphabet="{}ab\" '", max_size=30))
def test_any_text_survives_the_chart_s_templating(value: str) -> None:
    rendered = pod_template.text({"env": value})
    assert yaml.safe_load(as_the_chart_renders_it(rendered)) == {"env": value}
    assert "{{" not in re.sub(r'\{\{ "\{\{" \}\}', "", rendered)
