"""Judgements on what an execution left behind: pure functions of data of `model`.

How an execution ended is for two detectors, each a file with one function that returns an outcome or None:

    deadlock         who waits for whom
    runaway          which loop did not end

What a trace says of races is for the others; `race_search` decides which traces they see:

    synchronisation  which events are ordered: vector clocks
    places           the accesses that can get into each other's way, place by place
    races            accesses that nothing orders
    atomicity        unserializable pairs, seen and foretold
    sightings        all of these for one trace
    benign           how bad a race is
    lock_order       locks taken in orders that form a cycle
    accounts         what is told of a race or a cycle

What explains a failure of any kind, for its report, is for `culprit`.
"""
