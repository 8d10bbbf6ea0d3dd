// What all errors for people have in common: one line of a catalogue, and its code.

import { type Catalogue, type FillingArguments, type Told, tell } from '../shared/message.js'

/** An error whose message is one line for people and holds no credentials. */
export abstract class ToldError extends Error {
  /** Which message it is: see docs/errors.md. */
  readonly reason: string

  /** @internal Callers catch it, and make none. */
  constructor(told: Told, options?: ErrorOptions) {
    super(told.text, options)
    this.reason = told.reason
  }
}

/** A function that makes errors of one class, by the codes of its catalogue. */
export function errorMaker<Messages extends Catalogue, Made, Options extends ErrorOptions>(
  messages: Messages,
  ErrorClass: new (told: Told, options?: Options) => Made,
) {
  return <Code extends keyof Messages & string>(
    reason: Code,
    ...[filling, options]: FillingArguments<Messages[Code]['text'], Options>
  ): Made => new ErrorClass(tell(messages, reason, filling), options)
}
