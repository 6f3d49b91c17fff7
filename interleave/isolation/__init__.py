"""State that outlives an execution: what of it changed, and executions that do not see what others left.

kept        what is kept of one object, and how it is put back
snapshot    the state of all modules in scope
changes     what differs from a snapshot, in words
forked      executions in processes of their own
loggers     what loggers remember, filled in beforehand
"""
