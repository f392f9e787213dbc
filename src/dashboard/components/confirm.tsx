/**
 * A button that asks before it does something, and tells what came of it.
 */
import { useRef, useState } from 'preact/hooks'
import { type Answer, problemOf } from '../api/ask.ts'
import { announce } from './announcer.tsx'

export const ConfirmButton = (props: {
  readonly label: string
  /** What it is done to, for the accessible name. */
  readonly subject: string
  /** What will happen. */
  readonly question: string
  readonly act: () => Promise<Answer<unknown>>
  readonly onDone?: () => void
  /** What to say when it is done. */
  readonly done: string
  readonly isDangerous?: boolean
  readonly disabled?: boolean
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const act = async () => {
    setBusy(true)
    const answer = await props.act()
    setBusy(false)
    if (answer._tag !== 'Ok') return setProblem(problemOf(answer))
    dialog.current?.close()
    announce(props.done)
    props.onDone?.()
  }
  return (
    <>
      <button
        type="button"
        class={props.isDangerous ? 'danger' : undefined}
        disabled={props.disabled}
        aria-label={`${props.label} ${props.subject}`}
        onClick={() => {
          setProblem(null)
          dialog.current?.showModal()
        }}
      >
        {props.label}
      </button>
      <dialog ref={dialog} aria-label={`${props.label} ${props.subject}?`}>
        <h2>
          {props.label} {props.subject}?
        </h2>
        <p>{props.question}</p>
        {problem === null ? null : (
          <p class="notice bad" role="alert">
            {problem}
          </p>
        )}
        <div class="buttons">
          <button type="button" class="primary" disabled={isBusy} onClick={act}>
            {props.label}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </dialog>
    </>
  )
}
