/**
 * A simulated provider as a process of its own, for benchmarks and for trying things by hand. `--help` says how. Prints one
 * JSON line `{"url","port","pid"}` when it listens; stops on SIGTERM or SIGINT.
 */

import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { Effect } from 'effect'
import { type DemoProvider, demoProviders } from '#infra/simulator/demo-providers.ts'
import type { WireName } from '#infra/simulator/engine-options.ts'
import { SLOPPY_FLAGS, type Sloppy } from '#infra/simulator/openai/sloppy.ts'
import { type SimulatorOptions, startSimulator } from '#infra/simulator/simulator.ts'
import { makeStaticServer } from '#infra/simulator/static-server.ts'
import * as stories from '#infra/simulator/stories.ts'
import type { Story } from '#infra/simulator/story.ts'

const HELP = `A simulated provider on loopback.

  node src/infra/simulator/main.ts [--mode MODE] [--wire WIRE] ...

  --mode MODE          answer (default), story, world, static-json or static-stream
  --wire WIRE          which API it speaks: anthropic (default), openai, github-models, openrouter or vertex;
                       the static modes speak anthropic only
  --strict             Claude: refuse what a real Claude refuses of a history
  --sloppy FLAGS       chat: deviations from OpenAI, with commas between them:
                       ${SLOPPY_FLAGS.join(', ')}
  --story STORY        plain (default), tools, image, sub-agent or long
  --cwd DIR            where the tools of a story run; default: here
  --world WORLD        sim-blue, sim-green (default) or sim-amber
  --seed N             default 1
  --port N             default 0: a free port
  --write-every-ms N   pause between the writes of static-stream; default 0
`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    wire: { type: 'string', default: 'anthropic' },
    strict: { type: 'boolean', default: false },
    sloppy: { type: 'string', default: '' },
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

if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const wireNamed = (name: string): WireName => {
  switch (name) {
    case 'anthropic':
    case 'openai':
    case 'github-models':
    case 'openrouter':
    case 'vertex':
      return name
    default:
      return wrongUsage(`unknown wire '${name}': anthropic, openai, github-models, openrouter or vertex`)
  }
}

const sloppyOf = (flags: string): Sloppy => {
  const names = flags.split(',').filter((flag) => flag !== '')
  const unknown = names.find((name) => !SLOPPY_FLAGS.includes(name))
  if (unknown !== undefined) return wrongUsage(`unknown deviation '${unknown}': ${SLOPPY_FLAGS.join(', ')}`)
  return Object.fromEntries(names.map((name) => [name, name === 'reasoningContent' ? 'reasoning_content' : true]))
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

const spoken = { wire: wireNamed(values.wire), strict: values.strict, sloppy: sloppyOf(values.sloppy) }

const optionsFor = (mode: string): SimulatorOptions => {
  switch (mode) {
    case 'answer':
      return { ...spoken, id: 'simulator', seed, port, keepRequests: 0 }
    case 'story':
      return { ...spoken, id: 'simulator', seed, port, keepRequests: 0, story: storyNamed(values.story) }
    case 'world': {
      const provider = demoProviders(seed).find(({ id }): boolean => id === (values.world as DemoProvider))
      return provider === undefined
        ? wrongUsage(`unknown world '${values.world}': sim-blue, sim-green or sim-amber`)
        : { ...spoken, ...provider, port }
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
