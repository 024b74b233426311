"""What other libraries call the things that MLflow has names for.

Spans of OpenTelemetry carry the words of whoever made them: of OpenTelemetry's own conventions for generative AI, of
OpenInference, or of Traceloop. What MLflow has a word for is added under that; what came stays. A span that speaks
MLflow's own words is left as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Convention:
    """The words of one convention, the better one first.

    Attributes:
        kind: says what a span is; ``kinds`` what that is called here.
        tokens: our key of a number of tokens → theirs.
    """

    kind: str
    kinds: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    models: tuple[str, ...]
    provider: str
    tokens: dict[str, tuple[str, ...]]
    tools: tuple[str, ...] = ()
    numbered: dict[str, re.Pattern[str]] = field(default_factory=dict)


_OPENINFERENCE = "TOOL CHAIN LLM RETRIEVER EMBEDDING AGENT RERANKER UNKNOWN GUARDRAIL EVALUATOR"

CONVENTIONS = (
    # https://opentelemetry.io/docs/specs/semconv/gen-ai/
    Convention(
        kind="gen_ai.operation.name",
        kinds={
            "chat": "CHAT_MODEL",
            "create_agent": "AGENT",
            "invoke_agent": "AGENT",
            "embeddings": "EMBEDDING",
            "execute_tool": "TOOL",
            "generate_content": "LLM",
            "text_completion": "LLM",
            "response": "LLM",
        },
        inputs=("gen_ai.input.messages", "gen_ai.tool.call.arguments"),
        outputs=("gen_ai.output.messages", "gen_ai.tool.call.result"),
        models=("gen_ai.response.model", "gen_ai.request.model"),
        provider="gen_ai.provider.name",
        tokens={
            "input_tokens": ("gen_ai.usage.input_tokens",),
            "output_tokens": ("gen_ai.usage.output_tokens",),
            "cache_read_input_tokens": ("gen_ai.usage.cache_read.input_tokens",),
            "cache_creation_input_tokens": (
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
            ),
        },
        tools=("gen_ai.tool.definitions",),
    ),
    # https://github.com/Arize-ai/openinference
    Convention(
        kind="openinference.span.kind",
        kinds={name: name for name in _OPENINFERENCE.split()},
        inputs=("input.value",),
        outputs=("output.value",),
        models=(
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
        ),
        provider="llm.provider",
        tokens={
            "input_tokens": ("llm.token_count.prompt",),
            "output_tokens": ("llm.token_count.completion",),
            "total_tokens": ("llm.token_count.total",),
            "cache_read_input_tokens": ("llm.token_count.prompt_details.cache_read",),
            "cache_creation_input_tokens": ("llm.token_count.prompt_details.cache_write",),
        },
    ),
    # https://github.com/traceloop/openllmetry
    Convention(
        kind="traceloop.span.kind",
        kinds={
            "workflow": "WORKFLOW",
            "task": "TASK",
            "agent": "AGENT",
            "tool": "TOOL",
            "unknown": "UNKNOWN",
        },
        inputs=("traceloop.entity.input",),
        outputs=("traceloop.entity.output",),
        models=(),
        provider="gen_ai.system",
        tokens={
            "input_tokens": ("gen_ai.usage.prompt_tokens",),
            "output_tokens": ("gen_ai.usage.completion_tokens",),
            "total_tokens": ("llm.usage.total_tokens",),
        },
        numbered={
            "mlflow.spanInputs": re.compile(r"gen_ai\.prompt\.\d+\.content"),
            "mlflow.spanOutputs": re.compile(r"gen_ai\.completion\.\d+\.content"),
        },
    ),
)

_SPOKEN = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
}
_FOREIGN = ("gen_ai.", "openinference.", "llm.", "traceloop.", "input.", "output.", "embedding.")


def translate(attributes: dict[str, str], events: list[dict[str, Any]]) -> None:
    """Add MLflow's words to the attributes of a span: name → JSON text. Changes the attributes."""
    foreign = any(name.startswith(_FOREIGN) for name in attributes)
    if not foreign and not any(event["name"].startswith("gen_ai.") for event in events):
        return
    for convention in CONVENTIONS:
        _translate(attributes, convention)
    said = [
        {"role": _SPOKEN[event["name"]], "content": content}
        for event in events
        if event["name"] in _SPOKEN and (content := _content(event))
    ]
    chosen = [
        {"role": event["attributes"].get("role", "assistant"), "content": content}
        for event in events
        if event["name"] == "gen_ai.choice" and (content := _content(event))
    ]
    for name, messages in (("mlflow.spanInputs", said), ("mlflow.spanOutputs", chosen)):
        if messages and name not in attributes:
            attributes[name] = json.dumps(messages, ensure_ascii=False)


def _translate(attributes: dict[str, str], words: Convention) -> None:
    kind = words.kinds.get(_value(attributes, words.kind))
    if kind is not None and _value(attributes, "mlflow.spanType") in (None, "UNKNOWN"):
        attributes["mlflow.spanType"] = json.dumps(kind)
    for ours, theirs in (
        ("mlflow.spanInputs", words.inputs),
        ("mlflow.spanOutputs", words.outputs),
        ("mlflow.llm.model", words.models),
        ("mlflow.llm.provider", (words.provider,)),
        ("mlflow.chat.tools", words.tools),
    ):
        if ours in attributes:
            continue
        for name in (*theirs, *_numbered(attributes, words, ours)):
            if _value(attributes, name):
                attributes[ours] = attributes[name]
                break
    if "mlflow.chat.tokenUsage" not in attributes:
        usage = {
            key: number
            for key, names in words.tokens.items()
            if (number := next((n for name in names if (n := _count(attributes, name)) is not None), None))
            is not None
        }
        if not usage.keys() & {"input_tokens", "output_tokens", "total_tokens"}:
            return
        if "total_tokens" not in usage and {"input_tokens", "output_tokens"} <= usage.keys():
            usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
        attributes["mlflow.chat.tokenUsage"] = json.dumps(usage)


def _numbered(attributes: dict[str, str], words: Convention, ours: str) -> list[str]:
    pattern = words.numbered.get(ours)
    return [] if pattern is None else [name for name in attributes if pattern.fullmatch(name)]


def _value(attributes: dict[str, str], name: str) -> Any:
    text = attributes.get(name)
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str | int | float | bool | None) else text


def _count(attributes: dict[str, str], name: str) -> int | None:
    value = _value(attributes, name)
    try:
        number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return number if number is None or abs(number) < 2**63 else None


def _content(event: dict[str, Any]) -> Any:
    content = event["attributes"].get("content")
    if isinstance(content, str):
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return content
    return content
