/**
 * Clients that take nothing of what waits for them: dead machines whose connection stands, and readers that have forgotten theirs. While
 * one waits its provider waits too, and its place is taken; after some time it counts as one that has left.
 */
import type { ServerResponse } from 'node:http'
import { breakOff } from '#http/client-response.ts'

/**
 * Breaks the connection off when no byte of a waiting answer went out for `ms`; 0: never. It may take twice as long, because Node looks
 * once in that time whether the queue moves. An answer that has nothing to send is not looked at: its provider has limits of its own.
 */
export const limitSending = (response: ServerResponse, ms: number): void => {
  if (ms === 0) return
  response.setTimeout(ms, () => {
    if (response.writableLength > 0) breakOff(response)
  })
}
