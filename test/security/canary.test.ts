/**
 * R46: secrets everywhere where a secret can be, one run through everything that the product can be asked and made to say, and none
 * of them is found in anything that it said, wrote or kept. Prompts and answers are in captures where these are on, and nowhere else;
 * what has the form of a credential is not even there.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { startReceiver } from '#test/alert-receiver.ts'
import { artefactsIn } from '#test/artefacts.ts'
import { type Canaries, type Finding, makeCanaries } from '#test/canaries.ts'
import { fullSettings } from '#test/full-settings.ts'
import { type SignalboxProcess, scratchFolder, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { type Kept, listenLive, type Played, playClients, playOperators, type Tokens } from './canary-calls.ts'
import { FAILING, startCast, WORKING } from './canary-providers.ts'

const LIMIT = 300_000

/** Commands of an operator, each run beside the box. */
const commandsFor = ({ requests }: Played): readonly (readonly string[])[] => {
  const [served = '', failed = ''] = [requests.get('byVariable, streamed'), requests.get('echoing 1')]
  return [
    ['config', 'check'],
    ['config', 'show', '--json'],
    ['doctor', '--live', '--yes'],
    ['events', '--json', '--limit', '10000'],
    ['explain', served],
    ['explain', failed, '--json'],
    ['statusline'],
    ['alerts', '--json'],
    ['alerts', 'test', 'ops'],
    ['costs', '--json'],
    ['keys', 'list', '--json'],
    ['verify', '--json'],
    ['replay', '--json'],
    ['export', '--format', 'ndjson', '--what', 'attempts', '--out', 'attempts.ndjson'],
    ['export', '--out', 'exported'],
  ]
}

interface Report extends Finding {
  readonly artefact: string
}

/** What is found where it must not be. */
const leaks = (canaries: Canaries, all: readonly Kept[]): readonly Report[] =>
  all.flatMap(({ name, bytes, isForClient = false }) =>
    canaries
      .find(bytes)
      .filter(({ kind }) => kind === 'secret' || !isForClient)
      .map((finding) => ({ artefact: name, ...finding })),
  )

/** Everything that a box said and kept. */
const leftBy = (box: SignalboxProcess, inputs: readonly string[], capturesOn: boolean): readonly Kept[] => [
  { name: 'standard output', bytes: Buffer.from(box.stdout()) },
  { name: 'standard error', bytes: Buffer.from(box.stderr()) },
  ...artefactsIn(box.folder, (name) => inputs.includes(name)).map((artefact) => ({
    ...artefact,
    isForClient: capturesOn && artefact.name.startsWith('captures.db'),
  })),
]

/** States are stored one on top of another: they are read as a start reads them. */
const lastState = (box: SignalboxProcess): Effect.Effect<Kept> =>
  EventLog.use((log) => log.latestSnapshot(STATE_VERSION)).pipe(
    Effect.provide(layerSqliteReadOnly({ path: box.databaseUrl.slice('sqlite:'.length) }), { local: true }),
    Effect.orDie,
    Effect.map((snapshot) => ({ name: 'the newest state', bytes: Buffer.from(snapshot?.state ?? '') })),
  )

const outputOf = (name: string, { stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Kept => ({
  name: `signalbox ${name}`,
  bytes: Buffer.from(`${stdout}\n${stderr}`),
})

/** Throws where nobody catches, when it gets SIGUSR2. */
const CRASH = `data:text/javascript,import{isMainThread}from'node:worker_threads';if(isMainThread)process.on('SIGUSR2',()=>{throw new Error('planted')})`

const startScene = (options: { readonly captures: boolean; readonly format: 'json' | 'pretty' }) =>
  Effect.gen(function* () {
    const canaries = makeCanaries()
    const { secret } = canaries
    const folder = yield* scratchFolder
    const cast = yield* startCast(canaries, folder)
    const collector = yield* startReceiver()
    const hook = secret('path of a webhook')
    const settings = fullSettings({
      captures: options.captures,
      collector: collector.url,
      webhook: collector.url,
    })
    const config = {
      ...settings,
      log: { ...settings.log, format: options.format },
      routing: {
        rules: Object.fromEntries([...WORKING, ...FAILING].map((name) => [name, { model: name, only: [name] }])),
      },
      retryBudget: { tokens: 1e6, reserve: 0 },
      providers: cast.providers,
      prices: { url: `${collector.url}/prices.json?token=${secret('token in the URL of prices')}` },
      server: { ...settings.server, adminToken: { env: 'ADMIN' }, readToken: { file: join(folder, 'read.token') } },
      alerts: {
        ...settings.alerts,
        channels: {
          ops: { kind: 'webhook', url: { env: 'HOOK' }, headers: { authorization: { env: 'HOOK_HEADER' } } },
          pager: { kind: 'command', argv: [process.execPath, '-e', '0', secret('argument of a channel')] },
        },
      },
      telemetry: {
        traces: { ...settings.telemetry.traces, headers: { 'x-key': { env: 'COLLECTOR_KEY' } } },
      },
    }
    const [admin, read] = [secret('admin token'), secret('read token')]
    writeFileSync(join(folder, 'read.token'), read, { mode: 0o600 })
    const environment = {
      ...cast.environment,
      ADMIN: admin,
      HOOK: `${collector.url}/hooks/${hook}?signature=${secret('signature of a webhook')}`,
      HOOK_HEADER: `Bearer ${secret('header of a webhook')}`,
      COLLECTOR_KEY: secret('key of a collector'),
      CAPTURE_KEY: secret('key of captures'),
      NODE_OPTIONS: `--import=${encodeURI(CRASH)}`,
    }
    const inputs = ['signalbox.yaml', 'read.token', ...cast.inputs]
    const box = yield* startProcess({ config, folder, environment })
    const created = yield* box.command('keys', 'create', 'a-client', '--port', String(box.port), '--json')
    const { secret: key } = JSON.parse(created.stdout) as { readonly secret: string }
    canaries.add('a key of Signalbox', key.slice('sbx_'.length))
    return { box, canaries, cast, collector, inputs, tokens: { admin, read, key } satisfies Tokens }
  })

describe('no secret', () => {
  it.live(
    'is in anything that a box without captures says, writes and keeps, to the last words of a crash',
    () =>
      Effect.gen(function* () {
        const { box, canaries, cast, collector, inputs, tokens } = yield* startScene({ captures: false, format: 'json' })
        const hearLive = yield* listenLive(box, tokens)
        const clients = yield* playClients(box, canaries, tokens)
        const operators = yield* playOperators(box, canaries, tokens, clients)
        const outputs = yield* Effect.forEach(
          commandsFor(clients),
          (args) => Effect.map(box.command(...args), (result) => ({ args, result })),
          { concurrency: 2 },
        )
        const live = yield* hearLive
        box.signal('SIGUSR2')
        expect(yield* box.exited).toEqual({ code: 1, signal: null })

        // It was about something.
        const all = [
          ...clients.kept, ...operators.kept, live, yield* lastState(box),
          ...outputs.map(({ args, result }) => outputOf(args.join(' '), result)),
          ...leftBy(box, inputs, false),
          ...collector.received.map(({ path, body }) => ({ name: `what ${path.slice(0, 6)} got`, bytes: Buffer.from(body) })),
        ]
        console.error(clients.kept.filter((k) => /byVariable|chat|echoing 1|breaking|silent|key$/.test(k.name)).map((k) => k.name + Buffer.from(k.bytes).toString().slice(0, 1500)).join('\n----\n'))
        console.error([...clients.statuses].join('\n')); console.error([...operators.statuses].join('\n')); console.error(outputs.map(({ args, result }) => [args.join(' '), result.code, result.code ? (result.stderr+result.stdout).slice(0,300):''].join(' ')).join('\n'))
        const found = leaks(canaries, all)
        console.error(all.length, all.map((x) => x.name).join(', '))
        console.error([...new Map(found.map((f) => [`${f.artefact}: ${f.canary} (${f.form})`, f.around])).entries()].map(([k, v]) => k + '\n      ' + JSON.stringify(v)).join('\n'))
        expect(found.length).toBe(0)
        void cast
      }),
    LIMIT,
  )
})
void spawnSignalbox
