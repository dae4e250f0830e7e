"""A simulator of the OpenAI API: a real HTTP server, with answers that depend on the request alone and faults to order.

`python -m openai_simulator --port-file PATH` in tests/ serves on a free port of 127.0.0.1 until its input closes.
Under /v1/ it speaks as the API does; under /control/ it takes orders from `client.Simulator`. If the environment
variable SIMULATOR_KEY is set, other keys are refused, in a text that repeats them, as a careless server would.
"""
