/**
 * One box with everything on, on SQLite and behind TLS, with a broken network on both of its sides: the client reaches it through one
 * fault proxy, it reaches each provider, and the server of the first one's tokens, through another.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { Effect, type Scope } from 'effect'
import type { GoogleTokens } from '#infra/simulator/google-tokens.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { type FaultProxy, startFaultProxy } from '#test/fault-proxy.ts'
import { fullSettings } from '#test/full-settings.ts'
import { type SignalboxProcess, scratchFolder, spawnSignalbox } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { startSink } from '#test/sink.ts'
import { environmentFor, startGoogle } from '../../test/e2e/kind.ts'
import { makeAuthority } from '../../test/infra/upstream/certificates.ts'
import { calm, mountSmallDisk } from './chaos-faults.ts'

export interface ChaosBed {
  /** Of the box, on a disk that can be filled where `canFill`. */
  readonly folder: string
  readonly canFill: boolean
  readonly box: () => SignalboxProcess
  /** Where clients ask. */
  readonly entrance: FaultProxy
  /** PEM, and a file with it. */
  readonly authority: string
  readonly authorityFile: string
  /** A client's key. */
  readonly key: string
  readonly providers: readonly Simulator[]
  /** Of each provider. */
  readonly ways: readonly FaultProxy[]
  readonly google: GoogleTokens
  /** To the server of tokens. */
  readonly tokens: FaultProxy
  /** What was wrong meanwhile. */
  readonly problems: string[]
  /** A new process on the same log and the same port. */
  readonly start: Effect.Effect<void, never, Scope.Scope>
}

export const makeChaosBed = (seed: number): Effect.Effect<ChaosBed, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scratch = yield* scratchFolder
    const folder = join(scratch, 'box')
    mkdirSync(folder)
    const canFill = yield* mountSmallDisk(folder)
    const authority = makeAuthority('Signalbox chaos authority')
    const authorityFile = join(scratch, 'authority.pem')
    writeFileSync(authorityFile, authority.certificate)
    const identity = authority.issue('127.0.0.1')
    writeFileSync(join(folder, 'tls.crt'), identity.certificate)
    writeFileSync(join(folder, 'tls.key'), identity.key, { mode: 0o600 })

    const google = yield* startGoogle
    const tokens = yield* startFaultProxy({ port: google.port, seed })
    const simulated = yield* startProviders({
      first: { world: calm, seed, keepRequests: 0, wire: 'vertex', accessTokens: google },
      second: { world: calm, seed: seed + 1, keepRequests: 0 },
      third: { world: calm, seed: seed + 2, keepRequests: 0 },
    })
    const providers = [simulated.first, simulated.second, simulated.third]
    const ways = yield* Effect.forEach(providers, ({ port }) => startFaultProxy({ port, seed }))
    const [first, second, third] = ways.map(({ url }) => url)
    const sink = yield* startSink
    const settings = fullSettings({ captures: true, collector: sink, webhook: sink })
    const config = {
      ...settings,
      server: { ...settings.server, tls: { certFile: 'tls.crt', keyFile: 'tls.key' } },
      routing: { strategy: 'priority', shadow: { strategy: 'cost' } },
      providers: {
        first: { kind: 'vertex', project: 'my-project', baseUrl: `${first}/v1`, priority: 1 },
        second: { kind: 'anthropic-compatible', baseUrl: second, priority: 2 },
        third: { kind: 'anthropic-compatible', baseUrl: third, priority: 3 },
      },
    }
    const environment = environmentFor({ ...google, port: tokens.port })
    const making = yield* spawnSignalbox({ config, environment, folder, args: ['keys', 'create', 'chaos', '--json'] })
    yield* making.exited
    const key = (JSON.parse(making.stdout()) as { readonly secret: string }).secret

    let box = making
    let port = '0'
    const start = Effect.gen(function* () {
      box = yield* spawnSignalbox({ config, environment, folder, args: ['serve', '--port', port] })
      const [, found = ''] = yield* box.printed(/listens on https:\/\/127\.0\.0\.1:(\d+)/)
      port = found
    })
    yield* start
    const entrance = yield* startFaultProxy({ port: Number(port), seed })
    return {
      ...{ folder, canFill, box: () => box, entrance, authority: authority.certificate, authorityFile, key },
      ...{ providers, ways, google, tokens, problems: [], start },
    }
  })

export interface Health {
  readonly log: { readonly pending: number; readonly failing: boolean }
  readonly requests: { readonly inFlight: number }
}

/** Straight from the box; undefined when it does not answer. */
export const healthOf = ({ box, authority }: ChaosBed): Effect.Effect<Health | undefined> =>
  Effect.callback((resume) => {
    const [, port = ''] = /listens on https:\/\/127\.0\.0\.1:(\d+)/.exec(box().stdout()) ?? []
    const none = () => resume(Effect.succeed(undefined))
    const asked = request({ host: '127.0.0.1', port, path: '/health', ca: authority, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resume(Effect.succeed(JSON.parse(text) as Health)))
      response.on('error', none)
    })
    asked.setTimeout(2_000, () => asked.destroy()).on('error', none)
    asked.end()
  })
