"""Exported programs on JAX's PJRT client: compiled, given arrays, giving arrays."""

import contextlib

import jax
from jax._src.lib import xla_client

from reproduce.errors import UsageError
from reproduce.export.folder import ExportError

# State has 64-bit counters, which JAX would otherwise cut to 32 bits.
jax.config.update("jax_enable_x64", True)
PACKAGES = ("jax", "jaxlib", "numpy", "scipy")


class Device:
    """The device that JAX takes by default; JAX_PLATFORMS=cpu asks for the CPU."""

    def __init__(self):
        try:
            self.device = jax.devices()[0]
        except (RuntimeError, AssertionError) as error:
            raise UsageError(
                f"JAX_PLATFORMS: {str(error) or 'no such device'}"
            ) from None

    @property
    def name(self):
        """Such as "NVIDIA H200", or None for a processor."""
        return None if self.device.platform == "cpu" else self.device.device_kind

    @property
    def peak_megabytes(self):
        """Peak memory in use on the device, None where it is not known."""
        with contextlib.suppress(Exception):  # not every backend counts
            return round(self.device.memory_stats()["peak_bytes_in_use"] / 1e6)
        return None

    def put(self, array):
        """A NumPy array as one on the device."""
        return jax.device_put(array, self.device)


class Program:
    """One compiled program."""

    def __init__(self, exported, name, device):
        """Compiles it, which takes seconds to minutes."""
        self.described = exported.manifest["programs"][name]
        try:
            self._executable = device.device.client.compile_and_load(
                exported.programs[name],
                xla_client.DeviceList((device.device,)),
                xla_client.CompileOptions(),
            )
        except xla_client.XlaRuntimeError as error:
            reason = f"JAX {jax.__version__} cannot compile {name}: {error}"
            raise ExportError(exported.path, reason) from None

    def __call__(self, state, *arrays):
        """Runs it.

        Args:
          state: the run's state, arrays on the device. Those that the program changes
            may be overwritten: they are not to be used again.
          *arrays: its further arguments, on the device too.

        Returns:
          A dict of arrays on the device.
        """
        read = [state[index] for index in self.described["reads"]]
        done = self._executable.execute_sharded([*arrays, *read])
        found = [parts[0] for parts in done.disassemble_into_single_device_arrays()]
        names = self.described["results"]
        # XLA gives them in the order of their names, then the variables that changed.
        found = dict(zip(sorted(names), found, strict=False))
        return {name: found[name] for name in names}
