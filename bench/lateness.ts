/**
 * Reads the stream of the section `large` through a proxy: how late each chunk comes, counted from when the upstream wrote it.
 */
import { Client, type Dispatcher } from 'undici'
import type { Call } from './load.ts'

export interface LateStream {
  /** How late the chunks since the last call were, in ms. */
  readonly take: () => readonly number[]
  readonly close: () => Promise<void>
}

/** Ready when the first chunk is there. */
export const openLateStream = (url: string, call: Call): Promise<LateStream> =>
  new Promise((resolve, reject) => {
    const client = new Client(url)
    let late: number[] = []
    let rest = ''
    let closed = false
    const stream: LateStream = {
      take: () => {
        // The stream has no end: one that ended is no measurement.
        if (closed) throw new Error('the stream broke off')
        const taken = late
        late = []
        return taken
      },
      close: () => client.destroy(),
    }
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => {},
      onResponseStart: (_controller, status) => {
        if (status !== 200) reject(new Error(`the stream was answered with ${status}`))
      },
      onResponseData: (_controller, chunk) => {
        const nowUs = Number(process.hrtime.bigint() / 1_000n)
        const text = rest + chunk.toString('latin1')
        const end = text.lastIndexOf('\n\n') + 1
        rest = text.slice(end)
        for (const [, writtenUs] of text.slice(0, end).matchAll(WRITTEN)) late.push((nowUs - Number(writtenUs)) / 1_000)
        if (late.length > 0) resolve(stream)
      },
      onResponseEnd: () => {
        closed = true
      },
      onResponseError: (_controller, error) => {
        closed = true
        reject(error)
      },
    }
    client.dispatch({ path: call.path, method: 'POST', headers: call.headers, body: call.body }, handler)
  })

const WRITTEN = /"text":"(\d+)"/g
