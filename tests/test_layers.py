"""Imports point down: import-linter's contracts hold, cover every module, and would catch what they forbid."""

import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = [name.strip() for layer in CONTRACTS[0]["layers"] for name in layer.split("|")]


def kept(config: Path) -> bool:
    return lint_imports(str(config), no_cache=True, no_logo=True) == 0


def test_imports_point_down(capsys: pytest.CaptureFixture[str]):
    assert kept(ROOT / "pyproject.toml"), capsys.readouterr().out


def test_every_module_has_its_layer():
    entries = (ROOT / "src" / "limpet").iterdir()
    modules = {f"limpet.{entry.stem}" for entry in entries if entry.suffix == ".py" or (entry / "__init__.py").exists()}
    assert modules - {"limpet.__init__"} == set(LAYERS)


def test_the_contracts_catch_what_they_forbid(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Turned upside down, the layers must be found broken: the check is not blind."""
    layers = "\n    ".join(reversed(CONTRACTS[0]["layers"]))
    contract = f"[importlinter:contract:up]\nname = up\ntype = layers\nlayers =\n    {layers}\n"
    config = tmp_path / "upside_down.ini"
    config.write_text(f"[importlinter]\nroot_package = limpet\n{contract}")
    assert not kept(config)
    assert "BROKEN" in capsys.readouterr().out
