"""Runs exported programs on JAX's PJRT client, from arrays to arrays."""

import contextlib

import jax
from jax._src.lib import xla_client

from reproduce.errors import UsageError
from reproduce.export.folder import ExportError

# The state has 64-bit counters, which JAX would otherwise truncate to 32 bits.
jax.config.update("jax_enable_x64", True)
PACKAGES = ("jax", "jaxlib", "numpy", "scipy")


class Device:
    """JAX's default device; JAX_PLATFORMS=cpu selects the CPU."""

    def __init__(self):
        try:
            self.device = jax.devices()[0]
        except (RuntimeError, AssertionError) as error:
            raise UsageError(
                f"JAX_PLATFORMS: {str(error) or 'no such device'}"
            ) from None

    @property
    def name(self):
        """The device's name, such as "NVIDIA H200", or None for a CPU."""
        return None if self.device.platform == "cpu" else self.device.device_kind

    @property
    def peak_megabytes(self):
        """Peak memory in use on the device, None if it is not known."""
        with contextlib.suppress(Exception):  # not every backend measures it
            return round(self.device.memory_stats()["peak_bytes_in_use"] / 1e6)
        return None

    def put(self, array):
        """Copies a NumPy array to the device."""
        return jax.device_put(array, self.device)


class Program:
    """One compiled program."""

    def __init__(self, exported, name, device):
        """Compiles the program `name` of an `Exported`: seconds to minutes."""
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
        """Runs the program.

        Args:
          state: the run's state, arrays on the device. Those that the program changes
            may be overwritten and must not be used again.
          *arrays: the function's own arguments, also on the device.

        Returns:
          A dict of arrays on the device.
        """
        read = [state[index] for index in self.described["reads"]]
        execution = self._executable.execute_sharded([*arrays, *read])
        shards = execution.disassemble_into_single_device_arrays()
        outputs = [parts[0] for parts in shards]
        names = self.described["results"]
        # XLA returns results in the order of their names, then changed variables.
        results = dict(zip(sorted(names), outputs, strict=False))
        return {name: results[name] for name in names}
