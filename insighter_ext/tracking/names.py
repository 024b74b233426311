"""Names for runs and models that were given none."""

from __future__ import annotations

import secrets

_ADJECTIVES = """
able amber bold brave bright calm clear clever crisp eager early fair fine fleet fresh gentle glad golden grand
happy keen kind light lively lucid mellow merry mild neat nimble noble patient placid plain polite proud quick quiet
rapid ready robust serene sharp silent sleek smooth steady still sunny swift tidy upbeat vivid warm wise witty
"""
_NOUNS = """
badger bear beaver bee bison cat crane crow deer dolphin dove duck eagle elk falcon finch fox frog goose hare hawk
hedgehog heron horse ibis jay kite koala lark lion lynx marten mole moose moth newt otter owl panda perch pike puffin
quail rabbit raven robin salmon seal sparrow squirrel stork swan tern tiger toad trout turtle vole whale wolf wren
"""


def random_name() -> str:
    """``adjective-noun-number``, as MLflow's server names them."""
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_NOUNS.split())}-{secrets.randbelow(1000)}"
