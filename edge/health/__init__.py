"""How the service is doing, for those who look after it: metrics, probes, the service manager.

vitals      what a run has done so far, counted
metrics     those as Prometheus reads them
pages       the pages of a run, and the server that has them
server      /healthz, /readyz, /metrics
serving     what serves any page of ours over HTTP
address     where to listen, and who may ask
notify      the service manager is told how it goes
power       what a board says of its power and its heat
watch       looks at the board every few seconds
wall_clock  is the wall clock right?
usage       room on the disk, memory, bytes written
opened      all of that, opened for a run
"""
