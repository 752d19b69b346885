-- A workspace can begin with a Git repository: the image clones it into /workspace.
return {
  { id = "default",
    parameters = {
      { id = "repository", pattern = "^https://", variable = "STACK_REPOSITORY",
        example = "https://git.example.com/course.git",
        title = { en = "Git repository", nl = "Git-repository", ar = "مستودع Git" },
        help = {
          en = "Optional: its address, such as https://git.example.com/course.git.",
          nl = "Niet verplicht: het adres, zoals https://git.example.com/course.git.",
          ar = "اختياري: عنوانه، مثل https://git.example.com/course.git.",
        } },
    } },
}
