/**
 * Somebody who follows the log as an instance tells it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { SignalboxProcess } from '#test/signalbox-process.ts'
import { TOKEN } from './bed.ts'

const READER_RETRY_MS = 200

export type Readings = Map<string, { position: number; type: string }[]>

/** Follows the log as this instance tells it, until the instance is gone. */
export const read = (
  { url, child }: { readonly url: string; readonly child: SignalboxProcess['child'] },
  readers: Readings,
): void => {
  const seen: { position: number; type: string }[] = []
  readers.set(`${url} of process ${child.pid}`, seen)
  const follow = async (): Promise<void> => {
    while (child.exitCode === null && child.signalCode === null) {
      try {
        const after = seen.at(-1)?.position ?? 0
        const response = await fetch(`${url}/admin/events/live?after=${after}`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        })
        if (response.body === null) continue
        let text = ''
        for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
          text += chunk
          const frames = text.split('\n\n')
          text = frames.pop() ?? ''
          for (const frame of frames) {
            const data = /^data: (.*)$/m.exec(frame)?.[1]
            if (data === undefined) continue
            const { position, type } = JSON.parse(data) as { position: number; type: string }
            seen.push({ position, type })
          }
        }
      } catch {
        // The instance has gone, or has cut a reader off that was too slow: asked again from where it was.
        await wait(READER_RETRY_MS)
      }
    }
  }
  void follow()
}
