/**
 * Server-sent events from a byte stream, cut anywhere. EventSource cannot send a token; this can stand in for it.
 */

export interface ServerEvent {
  /** The last one named so far; empty before any. */
  readonly id: string
  readonly data: string
}

/** Takes text as it comes and gives the events that are complete by then. Comments (heartbeats) are no events. */
export const makeEventParser = (): ((text: string) => readonly ServerEvent[]) => {
  let rest = ''
  let id = ''
  return (text) => {
    rest += text
    const blocks = rest.split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    const events: ServerEvent[] = []
    for (const block of blocks) {
      const data: string[] = []
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith('id:')) id = line.slice('id:'.length).trim()
        if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /, ''))
      }
      if (data.length > 0) events.push({ id, data: data.join('\n') })
    }
    return events
  }
}
