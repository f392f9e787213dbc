/**
 * `signalbox statusline`: one line for the status bar of Claude Code, which runs it again and again with JSON about its session on
 * standard input. It never fails: whatever is wrong is what the line says. Its modules are few, because loading modules is most
 * of what it does; so there is no Effect here.
 */
import { homedir } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { StatuslineView } from '#actors/views/statusline-view.ts'
import { askBox } from '#cli/ask-box.ts'
import { findBox } from '#cli/statusline/find-box.ts'
import { type LineStyle, sadLine, statusLine } from '#cli/statusline/line.ts'
import type { Place } from '#infra/config/place.ts'

/** Claude Code gives up a command that takes long; a box that is so slow is in trouble anyway. */
const TIMEOUT_MS = 1_000
/** Claude Code has written its JSON by then; whoever else leaves the input open says nothing. */
const INPUT_MS = 300

/** Prints the line of this process: its input, its environment. */
export const printStatusline = async (): Promise<void> => {
  const { env, stdin, stdout, stderr } = process
  const place = { cwd: process.cwd(), home: homedir(), environment: env }
  const style = { color: (env.NO_COLOR ?? '') === '' }
  const told = async (): Promise<string> => {
    const input = stdin.isTTY ? '' : await Promise.race([readAll(stdin), setTimeout(INPUT_MS, '', { ref: false })])
    stdin.destroy()
    return await statusline(input, place, style)
  }
  const line = await told().catch((error: unknown) => {
    // A bug: it must be seen, but not by an empty bar.
    stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    return sadLine('cannot tell at present', style)
  })
  stdout.write(`${line}\n`)
}

/** @param input what Claude Code gives; of it only the session's id is used, and none is fine */
export const statusline = async (input: string, place: Place, style: LineStyle): Promise<string> => {
  const box = await findBox(place)
  if (box?.token === undefined) return sadLine('not running', style)
  const session = sessionIn(input)
  const query = session === undefined ? '' : `?session=${encodeURIComponent(session)}`
  const answer = await askBox({
    url: `${box.url}/admin/statusline${query}`,
    headers: { authorization: `Bearer ${box.token}` },
    timeoutMs: TIMEOUT_MS,
    tls: box.tls,
  }).catch(nobody)
  switch (answer?.status) {
    case undefined:
      return sadLine('not running', style)
    case 200: {
      const view = viewIn(answer.body)
      return view === undefined ? sadLine('not running', style) : statusLine(view, style)
    }
    case 401:
    case 403:
      return sadLine('the admin token is refused', style)
    case 404:
      return sadLine('of another version, start it again', style)
    default:
      return sadLine('cannot tell at present', style)
  }
}

/** Nobody answered in time. */
const nobody = (): undefined => undefined

const sessionIn = (input: string): string | undefined => {
  try {
    const json: unknown = JSON.parse(input)
    const id = typeof json === 'object' && json !== null && 'session_id' in json ? json.session_id : undefined
    return typeof id === 'string' && id !== '' ? id : undefined
  } catch {
    // Nothing, or something else than Claude Code's: the line is about the box as a whole then.
    return undefined
  }
}

/** Undefined: what answers there is something else. */
const viewIn = (body: string): StatuslineView | undefined => {
  try {
    const json: unknown = JSON.parse(body)
    // The schema of the endpoint has made the rest of it.
    return typeof json === 'object' && json !== null && 'today' in json ? (json as StatuslineView) : undefined
  } catch {
    return undefined
  }
}

const readAll = async (stream: NodeJS.ReadableStream): Promise<string> => {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  return text
}
