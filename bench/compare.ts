/**
 * What a request costs through Signalbox beside what it costs through the bare pass-through: CPU per request in rounds that
 * alternate between the two, and the time to the first byte with one caller at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Call, claudeCodeCall, type Kind, load } from './load.ts'
import { type Server, startScript } from './process.ts'
import { startSignalbox } from './signalbox.ts'
import { quantile, type Summary, summary } from './statistics.ts'

export interface CompareOptions {
  /** Undefined: only the baseline. */
  readonly main: string | undefined
  readonly rounds: number
  /** Of each proxy in each round. */
  readonly requests: number
  readonly warmUp: number
  readonly concurrency: number
  /** One caller at a time, per proxy. */
  readonly latencyRequests: number
  /** Between the writes of a stream, in ms; 0 = one per turn of the upstream's event loop, most of which arrive together. */
  readonly pauseMs: number
  readonly note: (text: string) => void
}

export interface ProxyCost {
  readonly cpuMsPerRequest: Summary
  readonly requestsPerSecond: Summary
  readonly residentBytes: number
  /** Pieces in which one answer came. */
  readonly pieces: number
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
    const costs = await rounds(proxies, call, options)
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

interface Round {
  readonly cpuMs: number
  readonly perSecond: number
  readonly pieces: number
}

const rounds = async (
  proxies: Proxies,
  call: Call,
  options: CompareOptions,
): Promise<Omit<Comparison, 'kind' | 'pauseMs' | 'firstByte'>> => {
  const { requests, concurrency, note } = options
  const names = Object.keys(proxies) as Name[]
  const measured: Record<Name, Round[]> = { bare: [], signalbox: [] }
  for (let round = 0; round < options.rounds; round++) {
    // Every other round the other way round, so that neither always runs on what the first one left behind.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const server = proxies[name]
      if (server === undefined) continue
      const before = server.cpuMs()
      const result = await load(server.url, call, { requests, concurrency })
      const cpuMs = (server.cpuMs() - before) / requests
      measured[name].push({ cpuMs, perSecond: (requests * 1_000) / result.wallMs, pieces: result.pieces })
      note(`round ${round + 1}/${options.rounds} ${name} ${cpuMs.toFixed(3)} ms of CPU per request`)
    }
  }
  const cost = (name: Name, server: Server): ProxyCost => ({
    cpuMsPerRequest: summary(measured[name].map((round) => round.cpuMs)),
    requestsPerSecond: summary(measured[name].map((round) => round.perSecond)),
    residentBytes: server.residentBytes(),
    pieces: quantile(
      measured[name].map((round) => round.pieces),
      0.5,
    ),
  })
  const bare = cost('bare', proxies.bare)
  if (proxies.signalbox === undefined) return { bare }
  const ratios = measured.signalbox.map((round, index) => round.cpuMs / measured.bare[index]!.cpuMs)
  return { bare, signalbox: cost('signalbox', proxies.signalbox), cpuRatio: summary(ratios) }
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
