/**
 * What a process holds at a moment, from outside: its own metrics, and what Linux says of it in /proc.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { get } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

export interface Sample {
  /** Since the first one, in ms. */
  readonly at: number
  /** Resident, used of the heap (in reports: when everything was quiet, after a collection), and outside the heap; bytes. */
  readonly resident: number
  readonly heap: number
  readonly external: number
  /** Open file descriptors, sockets among them, and Node's handles. */
  readonly descriptors: number
  readonly sockets: number
  readonly handles: number
  /** Bytes of the write-ahead log. */
  readonly wal: number
  /** Delay of the event loop since the sample before, the 99th percentile in ms. */
  readonly loopMs: number
  /** Requests under way. */
  readonly underWay: number
  /** Bytes of their bodies. */
  readonly bodies: number
  /** Events in the log. */
  readonly events: number
}

/**
 * Of Node, for a process that is looked at like this: it collects its garbage when it gets SIGUSR2, so that the heap is what
 * is really held.
 */
export const GAUGED = {
  NODE_OPTIONS: `--expose-gc --import=${encodeURI("data:text/javascript,import{isMainThread}from'node:worker_threads';if(isMainThread)process.on('SIGUSR2',()=>{gc();gc()})")}`,
}

/** A collection of a heap of a hundred megabytes takes some tenths of a second. */
const COLLECTING_MS = 500
/** A snapshot on its way, an answer to a page: what is there at one look is gone at another. */
const LOOKS = 4

export interface Gauged {
  readonly pid: number
  readonly port: number
}

const HEAP = 'nodejs_heap_size_used_bytes'

/** Bytes of the heap that are really held. It is the same at the same load only when nothing is under way. */
export const heldHeap = async (box: Gauged): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS; look++) {
    process.kill(box.pid, 'SIGUSR2')
    await wait(COLLECTING_MS)
    least = Math.min(least, sumOf(await read(box.port, '/metrics'), HEAP))
  }
  return least
}

/** A moment, as it is. */
export const glance = async (box: Gauged, since: number): Promise<Sample> => {
  const text = await read(box.port, '/metrics')
  const descriptors = descriptorsOf(box.pid)
  return {
    at: performance.now() - since,
    resident: residentBytes(box.pid),
    heap: sumOf(text, HEAP),
    external: sumOf(text, 'nodejs_external_memory_bytes'),
    descriptors: descriptors.length,
    sockets: descriptors.filter((target) => target.startsWith('socket:')).length,
    handles: sumOf(text, 'nodejs_active_handles'),
    wal: sumOf(text, 'signalbox_event_log_wal_bytes'),
    loopMs: sumOf(text, 'signalbox_event_loop_delay_p99_seconds') * 1_000,
    underWay: sumOf(text, 'signalbox_intake_requests'),
    bodies: sumOf(text, 'signalbox_intake_body_bytes'),
    events: sumOf(text, 'signalbox_event_log_position'),
  }
}

/** Over all its labels. */
const sumOf = (exposition: string, metric: string): number =>
  [...exposition.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
    (all, [, one]) => all + Number(one),
    0,
  )

const read = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    // A connection of its own, which is gone when the answer is there.
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => resolve(Buffer.concat(pieces).toString()))
    }).on('error', reject)
  })

const descriptorsOf = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)]
    } catch {
      // Closed between the two looks.
      return []
    }
  })

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1_024
