"""Every text of mdk_runtime.errors."""

from __future__ import annotations

import pickle

import pytest

from mdk_runtime import errors

KNOWN = (errors.KnownNodes("sandbox", "2.0", 2), errors.KnownNodes("staging", "1.0", 1))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.NotStarted("resolve_async()"),
            "resolve_async() needs a running MDK; call start() first, and do it before stop()",
        ),
        (
            errors.Stopped("svc", "1.0", environment="sandbox", waited_s=0.25),
            "stop() was called before there was a node of svc 1.0 in environment sandbox (waited 0.2 s); "
            "none will come until start()",
        ),
        (
            errors.NoInteraction("t1"),
            "session t1 has no interaction to finish; every finish_interaction() needs a start_interaction() before it",
        ),
        (errors.BadValue("seconds", "x", "a number"), "seconds is 'x'; expected a number"),
        (errors.BadValue("p", "x" * 100, "less"), f"p is '{'x' * 76}...; expected less"),
        (
            errors.ConfigurationError("MDK_SERVER_URL", "x", "a URL"),
            "MDK_SERVER_URL='x' cannot be used; expected a URL",
        ),
        (
            errors.ConfigurationError("MDK_SERVER_URL", "x" * 100, "a URL"),
            f"MDK_SERVER_URL='{'x' * 77}...' cannot be used; expected a URL",
        ),
        (
            errors.ResolveTimeout(
                "hello", "1.0", environment="sandbox", waited_s=10.04, known=KNOWN, surroundings="connected to ws://x"
            ),
            "no node of hello 1.0 in environment sandbox after 10.0 s; "
            "nodes of hello: 2 of version 2.0 in sandbox; 1 of version 1.0 in staging; connected to ws://x",
        ),
        (
            errors.ResolveTimeout("hello", None, environment="p:c", waited_s=0.0),
            "no node of hello in environment p:c after 0.0 s; nodes of hello: none",
        ),
        (
            errors.NoNodeAvailable(
                "hello",
                "1.0",
                environment="sandbox",
                waited_s=1.5,
                out=(errors.NodeOut("http://a", 12.34), errors.NodeOut("http://b", 0.0)),
            ),
            "all nodes of hello 1.0 in environment sandbox failed too often and are out, waited 1.5 s: "
            "http://a (tried again in 12.3 s), http://b (being tried)",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_texts(error: Exception, text: str) -> None:
    """An error says what happened, with which values, and what would have been right."""
    assert str(error) == text
    assert isinstance(error, errors.MDKError)
    copy = pickle.loads(pickle.dumps(error))  # Pools of processes and task queues send errors so.
    assert (type(copy), str(copy), vars(copy), copy.args) == (type(error), text, vars(error), error.args)


def test_classes() -> None:
    """Who catches the wider class catches the narrower."""
    assert issubclass(errors.NoNodeAvailable, errors.ResolveTimeout)
    assert issubclass(errors.BadValue, ValueError)
    assert issubclass(errors.NotStarted, errors.UsageError)
    assert issubclass(errors.NoInteraction, errors.UsageError)
