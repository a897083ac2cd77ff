"""An Asterisk with its phones and the network before it, in a world's virtual time.

    world = World(start, seed)
    directory = Directory()
    agent = directory.add_phone("1001", lambda call: answers(2.0, Press("1")))
    directory.add_queue("support", "600", agent)
    directory.add_trunk("trunk", lambda number: clients.get(number))     # number -> Phone, or None: 404
    asterisk = Asterisk(world, directory)
    network = Network(world, asterisk, Weather(event_lost=0.01))
    daemon = Daemon(..., transport=network.transport(), ...)

`phones` holds what the scenario's side says (`Behaviour`) and what phones saw (`Call`); `pbx` the PBX (`incoming`,
`restart`, `stop`, `pause`, and for the judge `channels`, `bridges`, `calls`, `record`); `network` latencies and faults
(`Weather` for chance; `spoil`, `drop_websocket`, `half_open`, `stall`, `part`, `take_over` for what a scenario does).

Everything happens through `World.after` and `World.chance`; whoever runs the world also runs the daemon's loop, in
which `Network.transport()` resolves futures. Use a new transport for each life, and `abandon` it when that is over.
Of Asterisk's events those that callbackd filters out are not made at all. A request that is not simulated raises
Unsimulated, an AssertionError, out of the world.
"""
