/**
 * The box of the canary test: everything on, a secret wherever the configuration and the environment can hold one, and what is left
 * of it all at the end.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Effect } from 'effect'
import { STATE_VERSION } from '#actors/gateway-state.ts'
import { EventLog } from '#actors/ports.ts'
import { layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { startReceiver } from '#test/alert-receiver.ts'
import { artefactsIn } from '#test/artefacts.ts'
import { type Canaries, makeCanaries } from '#test/canaries.ts'
import { fullSettings } from '#test/full-settings.ts'
import { type CommandResult, type SignalboxProcess, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import type { Kept, Tokens } from './canary-calls.ts'
import { FAILING, startCast, WORKING } from './canary-providers.ts'

/** Throws where nobody catches, when it gets SIGUSR2. */
const CRASH = `data:text/javascript,import{isMainThread}from'node:worker_threads';if(isMainThread)process.on('SIGUSR2',()=>{throw new Error('planted')})`

/** What the command of a channel was told, among the files that the box leaves. */
export const TOLD_TO_COMMANDS = 'told-to-commands.ndjson'
const KEEPS_INPUT = `const fs = require('node:fs'); fs.appendFileSync('${TOLD_TO_COMMANDS}', fs.readFileSync(0))`

export const startScene = (options: { readonly captures: boolean; readonly format: 'json' | 'pretty' }) =>
  Effect.gen(function* () {
    const canaries = makeCanaries()
    const { secret } = canaries
    const folder = yield* scratchFolder
    const cast = yield* startCast(canaries, folder)
    const collector = yield* startReceiver()
    const settings = fullSettings({ captures: options.captures, collector: collector.url, webhook: collector.url })
    const config = {
      ...settings,
      providers: cast.providers,
      routing: {
        rules: Object.fromEntries([...WORKING, ...FAILING].map((name) => [name, { model: name, only: [name] }])),
      },
      retryBudget: { tokens: 1e6, reserve: 0 },
      log: { ...settings.log, format: options.format },
      prices: { url: `${collector.url}/prices.json?token=${secret('token in the URL of prices')}` },
      server: { ...settings.server, adminToken: { env: 'ADMIN' }, readToken: { file: join(folder, 'read.token') } },
      alerts: {
        ...settings.alerts,
        channels: {
          ops: { kind: 'webhook', url: { env: 'HOOK' }, headers: { authorization: { env: 'HOOK_HEADER' } } },
          pager: { kind: 'command', argv: [process.execPath, '-e', KEEPS_INPUT, secret('argument of a channel')] },
        },
      },
      telemetry: { traces: { ...settings.telemetry.traces, headers: { 'x-key': { env: 'COLLECTOR_KEY' } } } },
    }
    const [admin, read] = [secret('admin token'), secret('read token')]
    writeFileSync(join(folder, 'read.token'), read, { mode: 0o600 })
    const environment = {
      ...cast.environment,
      ADMIN: admin,
      HOOK: `${collector.url}/hooks/${secret('path of a webhook')}?signature=${secret('signature of a webhook')}`,
      HOOK_HEADER: `Bearer ${secret('header of a webhook')}`,
      COLLECTOR_KEY: secret('key of a collector'),
      NODE_OPTIONS: `--import=${encodeURI(CRASH)}`,
    }
    const box = yield* startProcess({ config, folder, environment })
    const created = yield* box.command('keys', 'create', 'a-client', '--port', String(box.port), '--json')
    const { secret: key } = JSON.parse(created.stdout) as { readonly secret: string }
    canaries.add('a key of Signalbox', key.slice('sbx_'.length))
    const inputs = ['signalbox.yaml', 'read.token', ...cast.inputs]
    const { simulators } = cast
    return { box, environment, canaries, simulators, collector, inputs, tokens: { admin, read, key } satisfies Tokens }
  })

export type Scene = Effect.Success<ReturnType<typeof startScene>>

/** Where something was found that must not be there, each place once. */
export const leaks = (canaries: Canaries, all: readonly Kept[]): readonly string[] => {
  const found = all.flatMap(({ name, bytes, audience = 'anybody' }) =>
    canaries
      .find(bytes)
      .filter(
        ({ kind }) => kind === 'secret' || audience === 'anybody' || (kind === 'pasted' && audience === 'captures'),
      )
      .map(({ canary, form, around }) => `${name}: ${canary} as ${form}, in ${JSON.stringify(around)}`),
  )
  return [...new Set(found)]
}

/** Everything that a box has said and kept. */
export const leftBy = ({ box, inputs, collector }: Scene): Effect.Effect<readonly Kept[]> =>
  Effect.gen(function* () {
    const state = yield* EventLog.use((log) => log.latestSnapshot(STATE_VERSION)).pipe(
      Effect.provide(layerSqliteReadOnly({ path: join(box.folder, 'log.db') }), { local: true }),
      Effect.orDie,
    )
    const files = artefactsIn(box.folder, (name) => inputs.includes(name))
    return [
      { name: 'standard output', bytes: Buffer.from(box.stdout()) },
      { name: 'standard error', bytes: Buffer.from(box.stderr()) },
      // In the files one state is packed on top of another.
      { name: 'the newest state', bytes: Buffer.from(state?.state ?? '') },
      ...collector.received.map(({ path, body }) => ({
        name: `a POST to ${path.slice(0, 7)}`,
        bytes: Buffer.from(body),
      })),
      ...files.flatMap(({ name, bytes }): readonly Kept[] =>
        name.startsWith('captures.db')
          ? [
              { name, bytes, audience: 'captures' },
              { ...written(name, bytes), audience: 'captures' },
            ]
          : [{ name, bytes }],
      ),
    ]
  })

/** What a stream tells in pieces, in one: a secret may lie across the borders of its events. */
export const written = (name: string, bytes: Uint8Array): Kept => {
  const text = Buffer.from(bytes).toString()
  const pieces = [...text.matchAll(/\\?"(?:text|thinking|partial_json)\\?":\\?"((?:[^"\\]|\\[^"])*)\\?"/g)]
  return { name: `${name}, in one piece`, bytes: Buffer.from(pieces.map(([, piece = '']) => piece).join('')) }
}

export const outputOf = (args: readonly string[], { stdout, stderr }: CommandResult): Kept => ({
  name: `signalbox ${args.join(' ')}`,
  bytes: Buffer.from(`${stdout}\n${stderr}`),
})

/** The line of the status bar, as Claude Code asks for it: with its own credential, and what it says of its session. */
export const runStatusline = ({ box, environment, canaries: { secret, content } }: Scene) =>
  Effect.callback<{ readonly args: readonly string[]; readonly result: CommandResult }>((resume) => {
    const args = ['statusline']
    const env = {
      ...environment,
      ...{ PATH: process.env.PATH, HOME: box.folder, SIGNALBOX_CONFIG: box.configFile },
      SIGNALBOX_DATABASE_URL: box.databaseUrl,
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${box.port}`,
      ANTHROPIC_AUTH_TOKEN: secret('token of Claude Code'),
    }
    const child = execFile(process.execPath, [MAIN, ...args], { cwd: box.folder, env }, (_, stdout, stderr) =>
      resume(Effect.succeed({ args, result: { code: child.exitCode, stdout, stderr } })),
    )
    const told = { transcript_path: `/home/me/${secret('path of a transcript')}`, output_style: content('a style') }
    child.stdin?.end(JSON.stringify({ session_id: 'the-session', ...told }))
  })

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Commands beside a box, two at a time. */
export const runAll = (box: SignalboxProcess, commands: readonly (readonly string[])[]) =>
  Effect.forEach(commands, (args) => Effect.map(box.command(...args), (result) => ({ args, result })), {
    concurrency: 2,
  })
