/**
 * Prompt and answer of a request, on demand: whoever looks is asked first, because the log keeps that they looked.
 */
import { useState } from 'preact/hooks'
import type { CaptureView } from '#http/admin/captures.ts'
import { fetchCapture } from '../api/captures.ts'
import { ConfirmButton } from './confirm.tsx'

export const Capture = ({ id }: { readonly id: string }) => {
  const [shown, show] = useState<CaptureView | null>(null)
  if (shown !== null) {
    return (
      <>
        <p class="quiet">
          {shown.redactions === 0 ? 'No credential was found in it.' : `${shown.redactions} credentials were replaced.`}{' '}
          {shown.complete ? '' : 'The answer was broken off.'}
        </p>
        <Text name="Prompt" body={shown.request} />
        <Text name="Answer" body={shown.answer} />
      </>
    )
  }
  const read = async () => {
    const answer = await fetchCapture(id)
    if (answer._tag === 'Ok') show(answer.value)
    return answer
  }
  return (
    <ConfirmButton
      label="Show prompt and answer"
      subject="of this request"
      question="They may hold what is private. The log will say that you looked."
      act={read}
      done="Prompt and answer are shown."
    />
  )
}

const Text = ({ name, body }: { readonly name: string; readonly body: CaptureView['request'] }) => (
  <details class="json">
    <summary>
      {name}, {body.bytes} bytes{body.encoding === 'utf8' ? '' : ', in base64'}
    </summary>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
    <pre tabIndex={0}>{body.text}</pre>
  </details>
)
