// Something that took all the time it was given. It would do so again: there is no second try.

export class OutOfTime extends Error {
  override readonly name = 'OutOfTime'
}
