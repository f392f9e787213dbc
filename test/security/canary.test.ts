/**
 * R46: secrets everywhere where a secret can be, one run through everything that the product can be asked and made to say, and none
 * of them is found in anything that it said, wrote or kept. Prompts and answers are in captures where these are on, and nowhere else;
 * what has the form of a credential is not even there.
 */
import { createServer } from 'node:net'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import { makeCanaries } from '#test/canaries.ts'
import { scratchFolder, spawnSignalbox } from '#test/signalbox-process.ts'
import { listenLive, type Played, playClients, playOperators } from './canary-calls.ts'
import {
  leaks,
  leftBy,
  outputOf,
  runAll,
  runStatusline,
  type Scene,
  startScene,
  TOLD_TO_COMMANDS,
  written,
} from './canary-scene.ts'

/** Some fifteen seconds on an idle machine. */
const LIMIT = 300_000

/** Commands of an operator. */
const commandsFor = ({ requests }: Played): readonly (readonly string[])[] => {
  const [served = '', failed = ''] = [requests.get('byVariable, streamed'), requests.get('echoing 1')]
  return [
    ['config', 'check'],
    ['config', 'show', '--json'],
    ['events', '--json', '--limit', '10000'],
    ['explain', served],
    ['explain', failed, '--json'],
    ['alerts', '--json'],
    ['alerts', 'test', 'ops'],
    ['alerts', 'test', 'pager'],
    ['costs', '--json'],
    ['keys', 'list', '--json'],
    ['verify', '--json'],
    ['replay', '--json'],
    ['export', '--format', 'ndjson', '--what', 'attempts', '--out', 'attempts.ndjson'],
    ['export', '--out', 'exported'],
  ]
}

/** What providers got to hear: each its own key. A header that is nobody's credential is the client's word, and goes along. */
const CLIENTS = 'header of a client'
const HEARD = {
  plain: [
    CLIENTS,
    'header of an innocent name',
    'key in a URL',
    'key in a file',
    'key in a variable',
    // `byClient` is asked here, which is sent what the client sends.
    'key of a client',
    'key of a command',
    'token in a header',
    'token of a client',
  ],
  chat: ['key of a chat provider'],
  vertex: [CLIENTS],
  echoing: [CLIENTS, 'key of a provider that repeats it'],
  refusing: [CLIENTS, 'key of a provider that repeats it'],
  breaking: [CLIENTS],
  silent: [CLIENTS],
}

/** @param beside commands that run while operators ask, once the clients are done */
const play = (scene: Scene, beside: readonly (readonly string[])[] = []) =>
  Effect.gen(function* () {
    const { box, canaries, tokens } = scene
    const hearLive = yield* listenLive(box, tokens)
    const clients = yield* playClients(box, canaries, tokens)
    const running = yield* Effect.forkChild(runAll(box, beside))
    const operators = yield* playOperators(box, canaries, tokens, clients)
    return { clients, operators, live: yield* hearLive, beside: Fiber.join(running) }
  })

/** That it was about something: who is to be served was, who is to fail did, in as many ways. */
const expectPlayed = ({ clients, operators }: { readonly clients: Played; readonly operators: Played }): void => {
  const of = (name: string) => [...clients.statuses].filter(([who]) => who.startsWith(name)).map(([, status]) => status)
  for (const name of ['byVariable', 'byFile', 'byCommand', 'byClient', 'byGoogle', 'chat, whole', 'chat, streamed'])
    expect([name, ...new Set(of(name))]).toEqual([name, 200])
  expect(of('echoing')).toEqual([400, 404, 400, 422, 500, 503, 529, 429])
  for (const name of ['refusing', 'serviceAccount', 'unreachable', 'proxied', 'silent'])
    expect([name, ...of(name)].at(1)).toBeGreaterThanOrEqual(500)
  expect(operators.statuses.size).toBeGreaterThan(50)
  const gets = [...operators.statuses].filter(([name]) => name.startsWith('GET /'))
  expect(gets.filter(([name, status]) => status !== 200 && !/shadow|capture/.test(name))).toEqual([])
}

describe.concurrent('no secret is in anything that a box says, writes and keeps', () => {
  it.live(
    'without captures, to the last words of a crash',
    () =>
      Effect.gen(function* () {
        const scene = yield* startScene({ captures: false, format: 'json' })
        const { box, canaries } = scene
        const played = yield* play(scene, [['doctor', '--live', '--yes']])
        const line = yield* runStatusline(scene)
        expect(line.result.stdout).toMatch(/today \$.*session \$/)
        const outputs = [line, ...(yield* runAll(box, commandsFor(played.clients))), ...(yield* played.beside)]
        box.signal('SIGUSR2')
        yield* box.exited
        expect(box.stderr()).toContain('Error: planted')

        expectPlayed(played)
        expect(outputs.filter(({ result }) => result.code !== 0).map(({ args }) => args[0])).toEqual(['doctor'])
        const { clients, operators, live } = played
        const left = yield* leftBy(scene)
        expect(left.map(({ name }) => name)).toEqual(
          expect.arrayContaining(['log.db, table events', 'a POST to /v1/tra', 'a POST to /hooks/', TOLD_TO_COMMANDS]),
        )
        const all = [
          ...clients.kept,
          ...operators.kept,
          live,
          ...outputs.map(({ args, result }) => outputOf(args, result)),
        ]
        expect(leaks(canaries, [...all, ...left])).toEqual([])
        expect(heardBy(scene)).toEqual(HEARD)
      }),
    LIMIT,
  )

  it.live(
    'with captures, to an orderly stop, where prompts and answers are in these alone, without the keys in them',
    () =>
      Effect.gen(function* () {
        const scene = yield* startScene({ captures: true, format: 'pretty' })
        const { box, canaries } = scene
        const { clients, operators, live } = yield* play(scene)
        const request = clients.requests.get('byVariable, streamed') ?? ''
        const [shown] = yield* runAll(box, [['capture', 'show', request, '--port', String(box.port)]])
        box.signal('SIGTERM')
        expect((yield* box.exited).code).toBe(0)

        const left = yield* leftBy(scene)
        const captures = left.filter(({ audience }) => audience === 'captures')
        const kinds = captures.flatMap(({ bytes }) => canaries.find(bytes).map(({ canary }) => canary))
        expect(kinds).toEqual(expect.arrayContaining(['prompt', 'answer', 'input of a tool']))
        const output = outputOf(['capture', 'show'], shown?.result ?? { code: 1, stdout: '', stderr: '' })
        expect(canaries.find(output.bytes).map(({ canary }) => canary)).toContain('prompt')
        const both = [output, written(output.name, output.bytes)].map((one) => ({
          ...one,
          audience: 'captures' as const,
        }))
        expect(leaks(canaries, [...clients.kept, ...operators.kept, live, ...both, ...left])).toEqual([])
      }),
    LIMIT,
  )
})

describe.concurrent('no secret is in what is said of a configuration', () => {
  it.live(
    'that has secrets where none belongs, or is no YAML, or names a database that is not there',
    () =>
      Effect.gen(function* () {
        const canaries = makeCanaries()
        const { secret, pasted } = canaries
        const malformed = {
          providers: {
            literal: { kind: 'anthropic', credential: secret('literal credential') },
            unknown: { kind: 'anthropic', apiKey: secret('unknown member') },
          },
          server: { adminToken: secret('literal admin token'), port: pasted('no port') },
          capture: { key: secret('literal key of captures') },
          [pasted('a key as a name')]: true,
        }
        const misplaced = {
          providers: {
            inUrl: { kind: 'anthropic', baseUrl: `https://user:${secret('password in a base URL')}@example.com` },
            inQuery: { kind: 'anthropic', baseUrl: `https://example.com/?key=${secret('key in a base URL')}` },
            named: { kind: 'anthropic', credential: { env: `$${secret('literal in place of a name')}` } },
            header: { kind: 'anthropic', headers: { 'x-api-key': secret('forbidden header') } },
            proxied: { kind: 'anthropic', proxy: `ftp://user:${secret('password of no proxy')}@example.com` },
          },
          alerts: { channels: { hook: { kind: 'webhook', url: `https://hooks.example.com/${secret('path')}` } } },
          telemetry: { traces: { endpoint: `https://user:${secret('password of a collector')}@example.com` } },
        }
        const broken = `providers:\n  a: { kind: anthropic, credential: "${secret('unterminated')}\n`
        const database = `postgres://user:${secret('password of a database')}@127.0.0.1:${yield* closedPort}/db`
        const fine = { providers: { a: { kind: 'anthropic', credential: 'client' } } }
        const environment = { SIGNALBOX_SERVER__PORT: pasted('variable that is no port') }
        const runs = [
          { config: malformed, args: ['config', 'check'] },
          { config: malformed, args: ['serve'] },
          { config: misplaced, args: ['config', 'check'] },
          { config: misplaced, args: ['serve'] },
          { config: broken, args: ['config', 'check'] },
          { config: broken, args: ['serve'] },
          { config: fine, args: ['serve'], environment },
          { config: fine, args: ['serve'], environment: { SIGNALBOX_DATABASE_URL: database } },
          { config: fine, args: ['events', '--database', database] },
          { config: fine, args: ['doctor'], environment: { SIGNALBOX_DATABASE_URL: database } },
        ]
        const said = yield* Effect.forEach(
          runs,
          (run) =>
            Effect.gen(function* () {
              const process = yield* spawnSignalbox({ ...run, folder: yield* scratchFolder })
              const { code } = yield* process.exited
              const text = { code, stdout: process.stdout(), stderr: process.stderr() }
              expect([run.args[0], code === 0, text.stderr + text.stdout === '']).toEqual([run.args[0], false, false])
              return outputOf(run.args, text)
            }),
          { concurrency: 2 },
        )
        expect(leaks(canaries, said)).toEqual([])
      }).pipe(Effect.scoped),
    LIMIT,
  )
})

/** The secrets that each provider got to hear, prompts apart. */
const heardBy = ({ canaries, simulators }: Scene): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.values(simulators).map(({ id, requests }) => [
      id,
      [
        ...new Set(
          requests.flatMap(({ headers, path }) =>
            canaries.find(Buffer.from(JSON.stringify([headers, path]))).map(({ canary }) => canary),
          ),
        ),
      ].toSorted(),
    ]),
  )

/** Where nobody listens. */
const closedPort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(address !== null && typeof address === 'object' ? address.port : 0)))
  })
})
