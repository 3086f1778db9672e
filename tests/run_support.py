"""What the tests of runs' words share: the configuration that words ask for."""

from reproduce import command_line, run


def configuration_of(*words):
    """The configuration that the words after `reproduce.run` ask for, all of them."""
    caught = []

    def body(values):
        caught.append(run.configuration_from(values))

    assert command_line.main(run.define, body, words) == 0
    return caught[0]
