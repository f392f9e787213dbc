/**
 * Questions that take several statements, written once for every database: a question yields its statements and is handed the
 * rows of each. Whoever has the connection decides how they are run, at once or over a network.
 */

export interface Statement {
  /** With `?` for each parameter. */
  readonly sql: string
  readonly parameters: readonly (string | number)[]
}

/** In the order of the columns. */
export type Cells = readonly (string | number | null)[]

export type Asking<A> = Generator<Statement, A, readonly Cells[]>

/** Where databases differ, as far as questions are concerned. */
export interface Dialect {
  /** The name of a table in a statement. */
  readonly table: (name: string) => string
  /** A text as it is stored, and back. */
  readonly toText: (text: string) => string
  readonly fromText: (text: string) => string
  /** SQL of the position of a stream's first event, and of how many it has. The stream is SQL. */
  readonly firstOf: (stream: string) => string
  readonly sizeOf: (stream: string) => string
  /** SQL condition on an event: the start of a box that shared its log with nobody. */
  readonly isLoneStart: string
}

/** Runs a question on a connection that answers at once. It may go on after the failure of a statement. */
export const answerNow = <A>(asking: Asking<A>, rowsOf: (statement: Statement) => readonly Cells[]): A => {
  let step = asking.next()
  while (step.done !== true) {
    let rows: readonly Cells[]
    try {
      rows = rowsOf(step.value)
    } catch (error) {
      step = asking.throw(error)
      continue
    }
    step = asking.next(rows)
  }
  return step.value
}

/** The same on a connection that takes its time. */
export const answerLater = async <A>(
  asking: Asking<A>,
  rowsOf: (statement: Statement) => Promise<readonly Cells[]>,
): Promise<A> => {
  let step = asking.next()
  while (step.done !== true) {
    let rows: readonly Cells[]
    try {
      rows = await rowsOf(step.value)
    } catch (error) {
      step = asking.throw(error)
      continue
    }
    step = asking.next(rows)
  }
  return step.value
}
