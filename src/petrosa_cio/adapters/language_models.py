"""Language models of any provider, through pydantic-ai: one call at a time, and no tools.

What a provider says of a failure goes nowhere: it may repeat what was asked, or a part of a key.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, Self

import httpx2
from pydantic import SecretStr
from pydantic_ai import exceptions
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from petrosa_cio.errors import Misconfigured, ModelFailed, Problem
from petrosa_cio.ports import ModelAnswer, Said

ProviderName = Literal["anthropic", "google", "ollama", "openai"]

OWN_OLLAMA: Final = "http://127.0.0.1:11434/v1"
LONGEST_RETRY_S: Final = 24 * 60 * 60.0
LARGEST_BODY: Final = 4_194_304
"""Bytes of one answer of a provider that are read at most."""

_MARGIN_S: Final = 1.0
"""The way to a provider waits so much longer than a call: the call's own limit is what ends it."""

_WRITTEN: Final = re.compile(
    r"(?P<provider>anthropic|google|ollama|openai):(?P<model>[^@\s]+)(?:@(?P<url>https?://\S+))?"
)

# The order matters: what is more particular stands first.
_KINDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.ModelTimeoutError, "timeout"),
    (exceptions.ModelQuotaExceededError, "quota"),
    (exceptions.ModelRateLimitError, "rate_limited"),
    (exceptions.ModelAuthenticationError, "not_allowed"),
    (exceptions.ModelNotFoundError, "not_found"),
    (exceptions.ModelContextWindowExceededError, "too_long"),
    (exceptions.ModelRequestRejectedError, "rejected"),
    (exceptions.ModelUnavailableError, "overloaded"),
    (exceptions.ModelServerError, "server_error"),
    (exceptions.ModelConnectionError, "connection"),
    (exceptions.ContentFilterError, "refused"),
    (exceptions.OutputTokenLimitExceeded, "cut_off"),
)


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model at which provider.

    Attributes:
        provider: Who runs it.
        model: What they call it.
        url: Where it is asked; None for the provider's own address.
    """

    provider: ProviderName
    model: str
    url: str | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what a text such as ``openai:gpt-5`` names. Raises Misconfigured."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            mend = (
                "Write openai:MODEL, anthropic:MODEL, google:MODEL or ollama:MODEL, with @http://..."
                " behind it for an address of its own."
            )
            told = f"no model is called {_without_url(text)!r}"
            raise Misconfigured([Problem("CIO_STRATEGIST_MODELS", told, mend)])
        return cls(found["provider"], found["model"], found["url"])  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Return its name without the address, which may hold a password."""
        return f"{self.provider}:{self.model}"


def _without_url(text: str) -> str:
    return text.partition("@")[0][:80]


class ReachedModel:
    """One model that can be asked.

    Args:
        name: Which one.
        model: The way to it.
        timeout_s: Longest time that one call may take.
    """

    def __init__(self, name: ModelName, model: Model, timeout_s: float) -> None:
        self._name = name
        self._model = model
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self._name)

    async def ask(
        self, instructions: str, talk: Sequence[Said], *, most_tokens: int
    ) -> ModelAnswer:
        """Return what it says next; one call, which is not tried again.

        Raises:
            ModelFailed: It gave no answer.
        """
        settings = ModelSettings(max_tokens=most_tokens, timeout=self._timeout_s)
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await model_request(
                    self._model, _messages(instructions, talk), model_settings=settings
                )
        except TimeoutError as error:
            raise ModelFailed(self.name, "timeout") from error
        except exceptions.AgentRunError as error:
            raise self._failed(error) from error
        except Exception as error:  # whatever a provider's library raises, it is no answer
            detail = type(error).__name__
            raise ModelFailed(self.name, "unreadable", detail=detail) from error
        text = "".join(part.content for part in said.parts if isinstance(part, TextPart))
        if said.finish_reason == "content_filter" or not text:
            raise ModelFailed(self.name, "refused")
        return ModelAnswer(text, said.usage.input_tokens, said.usage.output_tokens)

    def _failed(self, error: Exception) -> ModelFailed:
        kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "unreadable")
        status = getattr(error, "status_code", None)
        retry_s: float | None = getattr(error, "retry_after", None)
        return ModelFailed(
            self.name,
            kind,
            retry_after_s=None if retry_s is None else min(max(retry_s, 0.0), LONGEST_RETRY_S),
            detail="" if status is None else f"HTTP {status}",
        )


def _messages(instructions: str, talk: Sequence[Said]) -> list[ModelMessage]:
    return [
        ModelResponse([TextPart(one.text)])
        if one.by_model
        else ModelRequest([UserPromptPart(one.text)], instructions=instructions)
        for one in talk
    ]


@asynccontextmanager
async def reach_models(
    names: Sequence[ModelName], keys: Mapping[str, SecretStr | None], *, timeout_s: float
) -> AsyncIterator[list[ReachedModel]]:
    """Open the way to some models; each is reached with its first question.

    Args:
        names: The models, in the order of preference.
        keys: API keys by provider; Ollama needs none.
        timeout_s: Longest time that one call may take.

    Raises:
        Misconfigured: A provider has no key.
    """
    missing = sorted({one.provider for one in names} - {"ollama"} - _known(keys))
    if missing:
        raise Misconfigured(
            [
                Problem(f"CIO_STRATEGIST_{one.upper()}_KEY", "the key is missing", "Set it.")
                for one in missing
            ]
        )
    hooks = {"response": [_bounded]}
    beyond_s = timeout_s + _MARGIN_S
    async with httpx2.AsyncClient(timeout=beyond_s, event_hooks=hooks) as client:
        yield [ReachedModel(one, _model(one, _key(one, keys), client), timeout_s) for one in names]


def _known(keys: Mapping[str, SecretStr | None]) -> set[str]:
    return {provider for provider, key in keys.items() if key is not None}


def _key(name: ModelName, keys: Mapping[str, SecretStr | None]) -> str:
    key = keys.get(name.provider)
    return "none" if key is None else key.get_secret_value()


async def _bounded(response: httpx2.Response) -> None:
    """Refuse an answer that says it is larger than any answer needs to be."""
    length = response.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        raise httpx2.DecodingError("the answer is too large", request=response.request)


def _model(name: ModelName, key: str, client: httpx2.AsyncClient) -> Model:
    if name.provider == "anthropic":
        anthropic = AnthropicProvider(api_key=key, base_url=name.url, http_client=client)
        anthropic.client.max_retries = 0
        return AnthropicModel(name.model, provider=anthropic)
    if name.provider == "google":
        return GoogleModel(
            name.model,
            provider=GoogleProvider(api_key=key, base_url=name.url, http_client=client),
        )
    if name.provider == "ollama":
        ollama = OllamaProvider(base_url=name.url or OWN_OLLAMA, api_key=key, http_client=client)
        ollama.client.max_retries = 0
        return OllamaModel(name.model, provider=ollama)
    openai = OpenAIProvider(
        base_url=name.url or "https://api.openai.com/v1", api_key=key, http_client=client
    )
    openai.client.max_retries = 0
    return OpenAIChatModel(name.model, provider=openai)
