/**
 * What a request costs through Signalbox beside what it costs through the bare pass-through: CPU per request in rounds that
 * alternate between the two, and the time to the first byte with one caller at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Call, claudeCodeCall, type Kind, load } from './load.ts'
import { type Server, startScript } from './process.ts'
import { alternate, type ProxyCost, type RoundOptions, ratios } from './rounds.ts'
import { startSignalbox } from './signalbox.ts'
import { quantile, type Summary, summary } from './statistics.ts'

export interface CompareOptions extends RoundOptions {
  /** Undefined: only the baseline. */
  readonly main: string | undefined
  readonly warmUp: number
  /** One caller at a time, per proxy. */
  readonly latencyRequests: number
  /** Between the writes of a stream, in ms; 0 = one per turn of the upstream's event loop, most of which arrive together. */
  readonly pauseMs: number
}

export interface FirstByte {
  /** What it is when the machine does little else. */
  readonly p10Ms: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** To the end of the answer; Signalbox commits the outcome before it. */
  readonly endP50Ms: number
}

export interface Comparison {
  readonly kind: Kind
  readonly pauseMs: number
  readonly bare: ProxyCost
  readonly signalbox?: ProxyCost
  /** Signalbox over bare, of each round. */
  readonly cpuRatio?: Summary
  readonly firstByte: { readonly direct: FirstByte; readonly bare: FirstByte; readonly signalbox?: FirstByte }
}

/** `name` stands in front of the notes. */
export const compare = async (name: string, kind: Kind, given: CompareOptions): Promise<Comparison> => {
  const options = { ...given, note: (text: string) => given.note(`${name}: ${text}`) }
  const { main, note } = options
  const call = claudeCodeCall(kind)
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const servers: Server[] = []
  const kept = <S extends Server>(server: S): S => {
    servers.push(server)
    return server
  }
  try {
    const upstream = kept(await startScript('upstream.ts', { UPSTREAM_PAUSE_MS: String(options.pauseMs) }))
    const proxies: Proxies = { bare: kept(await startScript('bare.ts', { BARE_UPSTREAM: upstream.url })) }
    if (main !== undefined) proxies.signalbox = kept(await startSignalbox({ main, folder, upstream: upstream.url }))
    note('warming up')
    for (const server of Object.values(proxies)) {
      await load(server.url, call, { requests: options.warmUp, concurrency: WARM_UP_CONCURRENCY })
    }
    const { bare, signalbox } = proxies
    const costs =
      signalbox === undefined
        ? { bare: (await alternate({ bare: { server: bare, call } }, options)).bare.cost }
        : await compareRounds(bare, signalbox, call, options)
    note('time to the first byte')
    const firstByte = await firstBytes({ direct: upstream, ...proxies }, call, options.latencyRequests)
    return { kind, pauseMs: options.pauseMs, ...costs, firstByte }
  } finally {
    for (const server of servers.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const WARM_UP_CONCURRENCY = 32

interface Proxies {
  bare: Server
  signalbox?: Server
}
type Name = keyof Proxies

const compareRounds = async (
  bare: Server,
  signalbox: Server,
  call: Call,
  options: RoundOptions,
): Promise<Pick<Comparison, 'bare' | 'signalbox' | 'cpuRatio'>> => {
  const parties = await alternate({ bare: { server: bare, call }, signalbox: { server: signalbox, call } }, options)
  return {
    bare: parties.bare.cost,
    signalbox: parties.signalbox.cost,
    cpuRatio: summary(ratios(parties.signalbox, parties.bare)),
  }
}

/** Short turns, so that what else the machine does falls on all alike. */
const TURN = 50

const firstBytes = async (
  servers: Proxies & { readonly direct: Server },
  call: Call,
  requests: number,
): Promise<Comparison['firstByte']> => {
  const times: Record<'direct' | Name, number[]> = { direct: [], bare: [], signalbox: [] }
  const ends: Record<'direct' | Name, number[]> = { direct: [], bare: [], signalbox: [] }
  const names = Object.keys(servers) as (keyof typeof times)[]
  for (let done = 0; done < requests; done += TURN) {
    for (const name of names) {
      const server = servers[name]
      if (server === undefined) continue
      const result = await load(server.url, call, { requests: TURN + 1, concurrency: 1 })
      // The first one opens the connection.
      times[name].push(...result.firstByteMs.slice(1))
      ends[name].push(...result.totalMs.slice(1))
    }
  }
  const of = (name: keyof typeof times): FirstByte => ({
    p10Ms: quantile(times[name], 0.1),
    p50Ms: quantile(times[name], 0.5),
    p99Ms: quantile(times[name], 0.99),
    endP50Ms: quantile(ends[name], 0.5),
  })
  return {
    direct: of('direct'),
    bare: of('bare'),
    ...(servers.signalbox === undefined ? {} : { signalbox: of('signalbox') }),
  }
}
