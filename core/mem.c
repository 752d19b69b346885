#include "mem.h"
#include <stdarg.h>

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return mem_must(len < 0 ? NULL : text);
}
