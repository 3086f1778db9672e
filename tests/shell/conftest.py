"""Toy checkouts with an environment, made once and copied for each test."""

import functools
import shutil

import pytest
import toy_checkout as toy


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with wheels/, home/ and a checkout whose environment is made."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("wheels", "home"):
        (folder / name).mkdir()
    for version in ("1.0", "2.0"):
        toy.wheel(folder / "wheels", "tinypin", version, f"VERSION = {version!r}\n")
    toy.wheel(folder / "wheels", "broken", "1.0", "raise ImportError('no library')")
    checkout = toy.write(folder / "a checkout")
    wheels, home = folder / "wheels", folder / "home"
    words = ("bash", "reproduce/table1.sh")
    toy.told(toy.call(*words, folder=checkout, wheels=wheels, home=home))
    return folder


@pytest.fixture
def call(made, tmp_path):
    """`toy.call` in a copy of the checkout unless told otherwise."""
    (tmp_path / "home").mkdir()
    kept = {"folder": tmp_path / "a checkout", "wheels": made / "wheels"}
    return functools.partial(toy.call, home=tmp_path / "home", **kept)


@pytest.fixture
def checkout(made, tmp_path):
    """A copy of the checkout and its environment, without the thousand files of pip."""
    original, copy = made / "a checkout", tmp_path / "a checkout"
    large = shutil.ignore_patterns("pip", "setuptools*", "pkg_resources", "*distutils*")
    shutil.copytree(original, copy, symlinks=True, ignore=large)
    (pip,) = original.glob(".venv/lib/*/site-packages/pip")
    (copy / pip.relative_to(original)).symlink_to(pip)
    return copy
