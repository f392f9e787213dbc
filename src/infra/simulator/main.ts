/**
 * A simulated provider as a process of its own, for benchmarks and for trying things by hand:
 *   node src/infra/simulator/main.ts --mode static-json|static-stream|world|answer|story [--port 0] [--seed 1]
 *     [--world sim-blue|sim-green|sim-amber] [--story tools|image|sub-agent|long|plain] [--cwd DIR] [--write-every-ms 0]
 * Prints one JSON line `{"url","port","pid"}` when it listens; stops on SIGTERM or SIGINT.
 */

import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { Effect } from 'effect'
import { type DemoProvider, demoProviders } from '#infra/simulator/demo-providers.ts'
import { type SimulatorOptions, startSimulator } from '#infra/simulator/simulator.ts'
import { makeStaticServer } from '#infra/simulator/static-server.ts'
import * as stories from '#infra/simulator/stories.ts'
import type { Story } from '#infra/simulator/story.ts'

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'answer' },
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    world: { type: 'string', default: 'sim-green' },
    story: { type: 'string', default: 'plain' },
    cwd: { type: 'string', default: process.cwd() },
    'write-every-ms': { type: 'string', default: '0' },
  },
})

const announce = (port: number): void => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}`, port, pid: process.pid })}\n`)
}

const wrongUsage = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

const port = Number(values.port)
const seed = Number(values.seed)

const storyNamed = (name: string): Story => {
  switch (name) {
    case 'plain':
      return stories.plainAnswer()
    case 'tools':
      return stories.severalTools({ cwd: values.cwd })
    case 'image':
      return stories.imageRead({ cwd: values.cwd })
    case 'sub-agent':
      return stories.subAgent()
    case 'long':
      return stories.longStream()
    default:
      return wrongUsage(`unknown story '${name}': plain, tools, image, sub-agent or long`)
  }
}

const optionsFor = (mode: string): SimulatorOptions => {
  switch (mode) {
    case 'answer':
      return { id: 'simulator', seed, port, keepRequests: 0 }
    case 'story':
      return { id: 'simulator', seed, port, keepRequests: 0, story: storyNamed(values.story) }
    case 'world': {
      const provider = demoProviders(seed).find(({ id }): boolean => id === (values.world as DemoProvider))
      return provider === undefined
        ? wrongUsage(`unknown world '${values.world}': sim-blue, sim-green or sim-amber`)
        : { ...provider, port }
    }
    default:
      return wrongUsage(`unknown mode '${mode}': static-json, static-stream, world, answer or story`)
  }
}

if (values.mode === 'static-json' || values.mode === 'static-stream') {
  const server = makeStaticServer({ mode: values.mode, writeEveryMs: Number(values['write-every-ms']) })
  server.listen(port, '127.0.0.1', () => announce((server.address() as AddressInfo).port))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0))
} else {
  const options = optionsFor(values.mode)
  const stopped = Effect.callback<void>((resume) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resume(Effect.void))
  })
  const run = Effect.gen(function* () {
    const simulator = yield* startSimulator(options)
    announce(simulator.port)
    yield* stopped
  })
  Effect.runPromise(Effect.scoped(run)).catch((error: Error) => wrongUsage(error.message))
}
