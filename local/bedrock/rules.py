"""What models refuse, in their own words."""

from __future__ import annotations

from local.bedrock.catalogue import Model
from local.bedrock.errors import invalid, model_refused
from local.bedrock.prompt import Asked


def check(model: Model, asked: Asked) -> None:
    """Raise the ValidationException that this model gives for these parameters, if any."""
    _check_ranges(model, asked)
    if "temperature_with_top_p" in model.rejects and asked.temperature is not None and asked.top_p is not None:
        raise model_refused(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "top_p"
        )
    if "sampling" in model.rejects:
        _check_sampling(asked)
    if "forced_tool_choice" in model.rejects and asked.tool_choice not in ("auto", "none"):
        raise model_refused("tool_choice: forcing tool use is not supported for this model. Use `auto`.", "tool_choice")
    if "thinking_off" in model.rejects and asked.thinking == "disabled":
        raise model_refused("thinking.type: thinking cannot be disabled for this model.")
    if asked.max_tokens is not None and asked.max_tokens > model.output_tokens:
        raise invalid(
            f"The maximum tokens you requested exceeds the model limit of {model.output_tokens}. Try again with a "
            f"maximum tokens value that is lower than {model.output_tokens}.",
            "max_tokens",
        )
    if asked.latency == "optimized" and model.optimized is None:
        raise invalid("Latency performance configuration is not supported for the model.")
    if asked.tier is not None and asked.tier not in model.tiers:
        raise invalid(f"The provided service tier {asked.tier} is not supported for this model.", "service_tier")
    if asked.thinks is not None and asked.thinks.effort not in model.efforts:
        raise invalid(
            f"Unsupported value: 'reasoning.effort' does not support '{asked.thinks.effort}' with this model. "
            f"Supported values are: {', '.join(model.efforts) or 'none'}.",
            "reasoning.effort",
        )
    if asked.input_tokens() > model.context_tokens:
        raise invalid("Input is too long for requested model.")


def _check_ranges(model: Model, asked: Asked) -> None:
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise invalid(
            "1 validation error detected: Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
            "max_tokens",
        )
    for name, value in (("temperature", asked.temperature), ("topP", asked.top_p)):
        top = 2 if name == "temperature" and model.family == "openai" else 1
        if value is not None and not 0 <= value <= top:
            side = "less than or equal to 1" if value > 1 else "greater than or equal to 0"
            raise invalid(
                f"1 validation error detected: Value '{value}' at 'inferenceConfig.{name}' failed to satisfy "
                f"constraint: Member must have value {side}",
                "temperature" if name == "temperature" else "top_p",
            )


def _check_sampling(asked: Asked) -> None:
    defaults = (("temperature", asked.temperature, 1.0), ("top_p", asked.top_p, 1.0), ("top_k", asked.top_k, None))
    for name, value, default in defaults:
        if value is not None and value != default:
            raise model_refused(
                f"`{name}` is not supported for this model. Only the default value is accepted; remove the parameter.",
                name,
            )
