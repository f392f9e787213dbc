/**
 * Where the CPU goes: runs a proxy under V8's sampling profiler with the benchmark's load and prints self time per request
 * by group and by function, of the load only. Usage:
 *   node bench/profile.ts [--kind json|stream] [--target signalbox|bare] [--requests N] [--top N] [--keep FOLDER]
 * `--keep` leaves the .cpuprofile files there, for a viewer such as Chrome's.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { claudeCodeCall, load } from './load.ts'
import { startScript } from './process.ts'
import { startSignalbox } from './signalbox.ts'

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  /** µs on the monotonic clock, the one of process.hrtime. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'json' },
    target: { type: 'string', default: 'signalbox' },
    main: { type: 'string', default: 'src/main.ts' },
    requests: { type: 'string', default: '4000' },
    concurrency: { type: 'string', default: '8' },
    top: { type: 'string', default: '25' },
    keep: { type: 'string' },
  },
})

const SAMPLE_EVERY_US = 250
const IDLE = new Set(['(idle)', '(root)'])

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n)

const run = async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const folder = values.keep === undefined ? join(temporary, 'profiles') : resolve(values.keep)
  mkdirSync(folder, { recursive: true })
  const requests = Number(values.requests)
  const call = claudeCodeCall(values.kind === 'stream' ? 'stream' : 'json')
  const nodeFlags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_EVERY_US}`]
  const upstream = await startScript('upstream.ts', {})
  try {
    const server =
      values.target === 'bare'
        ? await startScript('bare.ts', { BARE_UPSTREAM: upstream.url }, nodeFlags)
        : await startSignalbox({ main: values.main, folder: temporary, upstream: upstream.url, nodeFlags })
    const one = { requests, concurrency: Number(values.concurrency) }
    await load(server.url, call, one)
    const cpuBefore = server.cpuMs()
    const from = monotonicUs()
    await load(server.url, call, one)
    const to = monotonicUs()
    const cpuMs = server.cpuMs() - cpuBefore
    await server.stop()
    const profiles = readdirSync(folder)
      .filter((name) => name.endsWith('.cpuprofile'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile)
    return { selfUs: selfTimes(profiles, from, to), requests, cpuMs, threads: profiles.length }
  } finally {
    await upstream.stop()
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** Self time in µs by frame, of the samples between two moments, over all threads. */
const selfTimes = (
  profiles: readonly CpuProfile[],
  from: number,
  to: number,
): Map<string, { frame: Frame; us: number }> => {
  const byFrame = new Map<string, { frame: Frame; us: number }>()
  for (const { nodes, startTime, samples, timeDeltas } of profiles) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
    let at = startTime
    samples.forEach((id, index) => {
      const us = timeDeltas[index] ?? 0
      at += us
      const frame = frames.get(id)
      if (frame === undefined || at < from || at > to || IDLE.has(frame.functionName)) return
      const key = `${frame.functionName} ${frame.url}:${frame.lineNumber}`
      const known = byFrame.get(key)
      if (known === undefined) byFrame.set(key, { frame, us })
      else known.us += us
    })
  }
  return byFrame
}

/** A package, a room of ours, Node's own JavaScript, or what V8 says of itself. */
const groupOf = ({ url, functionName }: Frame): string => {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native'
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/')
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? /\/((?:src\/[^/]+|bench)\/[^/]+)/.exec(url)?.[1] ?? url
}

const place = ({ url, lineNumber }: Frame): string =>
  url === '' ? '' : `${/(?:node_modules\/|\/(?=src\/|bench\/)|^(?=node:))(.*)/.exec(url)?.[1] ?? url}:${lineNumber + 1}`

const { selfUs, requests, cpuMs, threads } = await run()
const total = [...selfUs.values()].reduce((sum, { us }) => sum + us, 0)
const line = (us: number, text: string): void =>
  console.log(`${(us / requests).toFixed(1).padStart(8)} µs  ${((us / total) * 100).toFixed(1).padStart(5)} %  ${text}`)

console.log(
  `${values.target}, ${values.kind}: ${requests} requests, ${(cpuMs / requests).toFixed(3)} ms of CPU each under the profiler; ` +
    `${(total / 1_000 / requests).toFixed(3)} ms sampled in ${threads} thread(s)\n\nself time per request by group`,
)
const groups = Map.groupBy(selfUs.values(), ({ frame }) => groupOf(frame))
const grouped = [...groups].map(([name, rows]) => [name, rows.reduce((sum, { us }) => sum + us, 0)] as const)
for (const [name, us] of grouped.sort((a, b) => b[1] - a[1]).slice(0, Number(values.top))) line(us, name)
console.log('\nself time per request by function')
const functions = [...selfUs.values()].sort((a, b) => b.us - a.us)
for (const { frame, us } of functions.slice(0, Number(values.top)))
  line(us, `${frame.functionName || '(anonymous)'}  ${place(frame)}`)
