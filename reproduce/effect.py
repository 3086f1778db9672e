"""Options that a run would not read are refused: they would only rename it."""

from reproduce.errors import UsageError

_NUMBER = ("number_penalty", "number_image_weight", "number_marginal_weight")
_OVERLAP = (
    *("overlap_weight", "inside_weight", "side_weight", "side_difference_weight"),
    *("side_penalty", "side_minimum", "side_maximum"),
)
_CONCRETE = ("temperature", "stop_threshold")


def require_effect(configuration):
    """Refuses a changed option that has no effect on the run.

    Args:
      configuration: a `Configuration`.

    Raises:
      UsageError: naming the option and why nothing reads it.
    """
    unread = _unread(configuration)
    for name in configuration.changed:
        if reason := unread.get(name):
            raise UsageError(
                f"--{name}: not allowed with {configuration.experiment}, where nothing "
                f"reads it: {reason}"
            )


def _unread(configuration):
    """The options that nothing reads, a dict from name to the reason."""
    unread = {}

    def add(names, reason):
        unread.update(dict.fromkeys(names, reason))

    if configuration.method != "asr":
        add((*_NUMBER, *_OVERLAP), "only AIR-ASR has penalties")
    elif configuration.table == "table1":
        add(_OVERLAP, "Table 1 regularises the number of objects")
    else:
        add(_NUMBER, "Table 2 regularises the objects' boxes")
    if configuration.method == "air":
        add(("scale_prior", "presence_prior_lag"), "AIR's prior is fixed")
    if configuration.fixed_count is not None:
        reason = "the number of objects is known (--fixed_count)"
        names = ("presence", "presence_prior_lag", "fixed_count_log_odds", "steps")
        names += ("count_rule", "early_end", "presence_slope")
        add((*_CONCRETE, *_NUMBER, *names), reason)
    elif configuration.presence == "exact":
        add(_CONCRETE, "z_pres is exact (--presence)")
    else:
        add(("presence_slope",), "z_pres is not exact (--presence)")
    if configuration.fixed_count_log_odds:
        add(("presence_prior_lag",), "z_pres has no learned prior")
    if not configuration.scale_sees_location:
        add(("hidden_sees_location",), "z_scale does not see z_loc")
    if len(configuration.counts) > 1:
        add(("fixed_count_log_odds",), "the number of objects varies (--counts)")
    return unread
