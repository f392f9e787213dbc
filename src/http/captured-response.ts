/**
 * A client whose answer is captured on its way out.
 */
import type { CaptureTap, ClientResponse } from '#actors/ports.ts'
import type { ProviderId } from '#domain/ids.ts'

export interface CapturedResponse {
  readonly client: ClientResponse
  /** To be told when nothing follows, however it ended, with who served or was tried last. */
  readonly over: (provider: ProviderId | undefined) => void
}

export const capturedResponse = (client: ClientResponse, tap: CaptureTap): CapturedResponse => {
  let status: number | undefined
  let complete = false
  return {
    client: {
      ...client,
      start: (code, headers) => {
        status ??= code
        client.start(code, headers)
      },
      write: (bytes) => {
        tap.answer(bytes)
        return client.write(bytes)
      },
      end: (last) => {
        if (last !== undefined && last.length > 0) tap.answer(last)
        complete = true
        client.end(last)
      },
    },
    over: (provider) => tap.end({ status, complete, provider }),
  }
}
