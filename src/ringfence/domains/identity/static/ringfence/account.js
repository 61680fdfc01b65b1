// The first thing that a person should read or do gets the focus. Passkey errors are said in words.
(function () {
  const problems = document.getElementById('problems')
  if (problems) {
    problems.focus()
  }
  document.addEventListener('allauth.error', function (event) {
    event.preventDefault()
    const main = document.getElementById('content')
    const note = document.createElement('div')
    note.className = 'problem'
    note.setAttribute('role', 'alert')
    note.textContent = 'The passkey was not used: the browser refused or it was cancelled. Try again, or sign in another way.'
    main.prepend(note)
  })
})()
