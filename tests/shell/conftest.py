"""Toy checkouts with an environment, made once and copied for each test."""

import functools
import shutil

import pytest
import toy_checkout as toy


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with wheels/, home/ and a checkout whose environment is made."""
    folder = tmp_path_factory.mktemp("made")
    wheels, home = folder / "wheels", folder / "home"
    wheels.mkdir()
    home.mkdir()
    toy.wheel(wheels, "tinypin", "1.0", "VERSION = '1.0'\n")
    toy.wheel(wheels, "tinypin", "2.0", "VERSION = '2.0'\n")
    checkout = toy.write(folder / "a checkout")
    words = ("bash", "reproduce/table1.sh")
    toy.told(toy.call(*words, folder=checkout, wheels=wheels, home=home))
    return folder


@pytest.fixture
def checkout(made, tmp_path):
    """A copy of the checkout and its environment, without the thousand files of pip."""
    original, copy = made / "a checkout", tmp_path / "a checkout"
    large = shutil.ignore_patterns("pip", "setuptools*", "pkg_resources", "*distutils*")
    shutil.copytree(original, copy, symlinks=True, ignore=large)
    (pip,) = original.glob(".venv/lib/*/site-packages/pip")
    (copy / pip.relative_to(original)).symlink_to(pip)
    return copy


@pytest.fixture
def call(made, checkout, tmp_path):
    """`toy.call` in the copied checkout unless told otherwise."""
    (tmp_path / "home").mkdir()
    kept = {"folder": checkout, "wheels": made / "wheels", "home": tmp_path / "home"}
    return functools.partial(toy.call, **kept)
