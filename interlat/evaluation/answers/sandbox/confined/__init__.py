"""What runs inside a confined process, and how it confines itself. Knows nothing of the library, and imports the standard library only.

A confined process is started on this folder alone, so that it loads in hundredths of a second and needs to read nothing but Python's
own files.
"""
