/**
 * The worker's end of a thread's conversation; thread.ts is the other one.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { reasonOf } from '#infra/event-log/sqlite-failure.ts'
import { READY, type Reply, type Request } from '#infra/event-log/worker-messages.ts'

/**
 * Opens what the thread needs, reports READY, then hands over everything that waits, again and again, in order. When
 * opening fails the thread reports that and ends; while it takes long it may tell the share done.
 */
export const converse = async (
  open: (
    progress: (share: number) => void,
  ) => Promise<(waiting: readonly Request[], reply: (replies: readonly Reply[]) => void) => void>,
): Promise<void> => {
  const port = parentOf()
  const reply = (replies: readonly Reply[]) => port.postMessage(replies)
  try {
    const handle = await open((share) => reply([[READY, 'progress', share]]))
    port.on('message', (first: Request) => {
      const waiting = [first]
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        waiting.push(next.message as Request)
      }
      handle(waiting, reply)
    })
    reply([[READY, 'done', null]])
  } catch (error) {
    reply([failureReply(READY, error)])
    port.close()
  }
}

/** Runs one operation and makes its reply. */
export const attempt = (id: number, run: () => unknown): Reply => {
  try {
    return [id, 'done', run()]
  } catch (error) {
    return failureReply(id, error)
  }
}

export const failureReply = (id: number, error: unknown): Reply => {
  const reason = reasonOf(error)
  if (reason !== undefined) return [id, 'failed', reason]
  return [id, 'bug', error instanceof Error ? (error.stack ?? error.message) : String(error)]
}

/** Ends the conversation; the thread ends when nothing else keeps it. */
export const endConversation = (): void => parentOf().close()

const parentOf = (): MessagePort => {
  if (parentPort === null) throw new Error('this file is the entry of a worker thread')
  return parentPort
}
