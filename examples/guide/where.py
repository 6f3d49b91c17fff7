from counter import scenario_two_adds, scenario_two_locked_adds

import interleave

for scenario in (scenario_two_adds, scenario_two_locked_adds):
    result = interleave.explore(scenario, strategy="dpor")
    print(scenario.__name__, result.verdict, "after", result.executions)
    for failure in result.failures:
        again = interleave.replay(scenario, failure.seed).failure
        print(failure.kind, again.message == failure.message, failure.preemptions)
