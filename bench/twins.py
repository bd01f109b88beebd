# ruff: noqa: E501 - frames and their words stand on one line
"""Pairs of questions that are nearly the same and have different answers: own sentences, written out and generated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple


class Twin(NamedTuple):
    """``kind`` says what differs."""

    kind: str
    asked: str
    candidate: str


_SWAPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "on/off": (
        (
            "How do I turn {} dark mode in the console?", "Can I switch {} automatic backups for my database?",
            "Turn {} the notifications for this channel", "Is encryption {} by default?",
            "How do I switch {} the camera during a call?", "What happens when I turn {} versioning on a bucket?",
        ),
        ("on", "off"),
    ),
    "enable/disable": (
        (
            "How can I {} two-factor authentication for my account?", "Please tell me how to {} logging for the API",
            "Which setting would {} public access?", "Why should an administrator {} automatic updates?",
            "{} the firewall for all hosts",
        ),
        ("enable", "disable"),
    ),
    "opposites": (("How do I {} a file with the command line?", "Is there a limit when I {} documents?", "Can guests {} pictures?"), ("upload", "download")),
    "opposites 2": (("How do I {} the production server?", "Can a script {} the worker processes?"), ("start", "stop")),
    "opposites 3": (("What is the {} temperature allowed in the server room?",), ("minimum", "maximum")),
    "opposites 4": (("How do I {} a user to the team?", "Who may {} members?"), ("add", "remove")),
    "opposites 5": (("Why did latency {} after the update?", "How do I {} the memory of a function?"), ("increase", "decrease")),
    "opposites 6": (("Which ports are open for {} traffic?",), ("inbound", "outbound")),
    "opposites 7": (("Is this bucket {}?", "How do I make my repository {}?"), ("public", "private")),
    "opposites 8": (("How do I {} to the newsletter?",), ("subscribe", "unsubscribe")),
    "negation": (
        (
            "Which regions do{} support this feature?", "Why does{} my function time out?",
            "What happens if the key is{} rotated every year?", "Should I{} restart the instance after an update?",
            "Which plans are{} covered by the warranty?", "Why was my claim{} accepted?",
            "Is it true that the museum does{} open on holidays?", "Which of these mushrooms are{} edible?",
        ),
        ("", " not"),
    ),
    "negation with": (("Can I create an account {} a credit card?", "Deploy the stack {} a load balancer"), ("with", "without")),
    "numbers": (
        (
            "How do I limit uploads to {} files per request?", "What does a plan for {} users cost?",
            "Can a function run for {} minutes?", "How do I keep logs for {} days?",
            "What is the dose for a child of {} kg?", "List the top {} customers",
        ),
        ("5", "10", "15", "50"),
    ),
    "number words": (("What is the price for {} tickets to the museum?", "Book a table for {} people"), ("two", "three", "six")),
    "amounts": (("How can I transfer ${} to my savings account?", "Is there a fee for payments over ${}?"), ("100", "1,000", "250")),
    "units": (
        ("How do I set the memory of a function to 512 {}?", "Can I store an object of 5 {}?"),
        ("KB", "MB", "GB"),
    ),
    "units of time": (
        ("How do I set the timeout to 30 {}?", "Does the session expire after 2 {}?"),
        ("seconds", "minutes", "hours", "days"),
    ),
    "units of measure": (("How far is 26 {} on foot?", "What is 100 {} in other units?"), ("miles", "kilometers", "meters")),
    "versions": (
        (
            "How do I upgrade the runtime to Python 3.{}?", "Is version 2.{} of the SDK still supported?",
            "What changed in release {}.0?", "Does Ubuntu {}.04 run on this laptop?",
        ),
        ("9", "10", "11", "12"),
    ),
    "dates": (
        ("What were the opening hours on {} 12?", "Show the invoices for {}", "Which holidays are in {}?"),
        ("January", "March", "June", "December"),
    ),
    "years": (("What was the revenue in {}?", "Who won the championship in {}?", "Report for fiscal year {}", "How many users signed up in {}?"), ("2019", "2020", "2021")),
    "weekdays": (("Are you open on {}?", "Which trains run on {} evenings?"), ("Monday", "Friday", "Sunday")),
    "relative dates": (("What was sold {}?", "Show all incidents from {}"), ("yesterday", "today")),
    "products": (
        (
            "How do I export a table from {}?", "What does it cost to run {} for a month?",
            "Which permissions are needed to read from {}?", "Why is {} slow after a restart?", "how can i monitor {} with alarms",
        ),
        ("DynamoDB", "Redshift", "Aurora", "S3"),
    ),
    "products in small letters": (
        ("how to connect to {} from python", "backup of a {} database to disk"),
        ("postgres", "mysql", "mongodb"),
    ),
    "systems": (("How do I install the client on {}?", "Where are settings kept on {}?", "Does the {} client support proxies?", "what is the default shell of {}"), ("Windows", "Linux", "macOS")),
    "sites": (("How do I delete my {} account?", "Can I schedule a post on {}?"), ("Facebook", "Twitter", "LinkedIn")),
    "persons": (("When was {} born?", "Which books did {} write?"), ("Mary Shelley", "Jane Austen", "Jules Verne")),
    "places": (("What is the population of {}?", "What is the weather like in {} in spring?", "Which hotels in {} take dogs?"), ("Hamburg", "Lisbon", "Oslo")),
    "comparatives": (("Which of the two plans is {}?", "Is the new engine {} than the old one?"), ("faster", "slower")),
    "comparatives 2": (("Which storage class is the {}?",), ("cheapest", "most expensive")),
    "superlatives": (("What is the {} river in the country?",), ("longest", "shortest")),
    "superlatives 2": (("Show me the {} entry in the log", "Which is the {} release?"), ("newest", "oldest")),
    "quantity": (
        ("How do I delete {} messages in the queue?", "Are {} regions covered by this price?"),
        ("all", "some", "no"),
    ),
    "quantity 2": (("Does {} of the two options encrypt data?",), ("either", "neither")),
    "bounds": (("The password has {} eight characters?", "Can I order {} ten items?"), ("at least", "at most")),
    "bounds 2": (("Is a fee due for orders {} the limit?",), ("above", "below")),
    "frequency": (("How do I run a {} report?", "Is there a {} quota?", "What does the {} pass cost?"), ("daily", "weekly", "monthly")),
    "time order": (("What should I do {} the migration?", "Which checks run {} a deployment?"), ("before", "after")),
    "question": (("{} was the bridge built?", "{} was the contract signed?"), ("When", "Where", "Why")),
    "question 2": (("How {} does the repair take?", "How {} is it?"), ("long", "much")),
    "format": (("How do I export my notes as {}?", "Can the report be downloaded as {}?", "parse {} files in python"), ("PDF", "CSV", "JSON")),
    "currency": (("How much is the licence in {}?",), ("dollars", "euros")),
    "rights": (("Can I grant {} access to a folder?",), ("read", "write")),
    "order": (("How do I sort a list in {} order?",), ("ascending", "descending")),
    "ordinals": (("Who was the {} person to reach the pole?", "What is the {} step of the setup?"), ("first", "second", "third")),
}  # fmt: skip
_DIRECTIONS = (
    ("How do I migrate from {} to {}?", (("MySQL", "Postgres"), ("Heroku", "AWS"), ("GitLab", "GitHub"), ("Slack", "Teams"))),
    ("Convert a file from {} to {}", (("csv", "json"), ("word", "pdf"), ("png", "jpeg"), ("wav", "mp3"))),
    ("How do I translate a text from {} into {}?", (("German", "English"), ("French", "Spanish"), ("Polish", "Dutch"))),
    ("Is there a direct train from {} to {}?", (("Berlin", "Prague"), ("Paris", "Lyon"), ("Rome", "Milan"), ("Oslo", "Bergen"))),
    ("Copy objects from {} to {}", (("staging", "production"), ("the laptop", "the server"), ("the cache", "the database"))),
    ("How much is it to send money from {} to {}?", (("Spain", "Mexico"), ("Kenya", "India"), ("Canada", "Japan"))),
    ("Is {} faster than {}?", (("Python", "Ruby"), ("Kafka", "Kinesis"), ("the train", "the bus"), ("Redis", "DynamoDB"))),
    ("Does {} depend on {}?", (("the parser", "the lexer"), ("billing", "identity"), ("the client", "the plugin"))),
    ("Did {} beat {}?", (("Ajax", "Porto"), ("Norway", "Sweden"), ("the Lions", "the Bears"))),
    ("Convert {} to {}", (("miles", "kilometers"), ("euros", "dollars"), ("Celsius", "Fahrenheit"), ("hex", "decimal"))),
)  # fmt: skip
_SIGNS = (
    ("How do I install C++?", "How do I install C#?"),
    ("What does the C compiler cost?", "What does the C++ compiler cost?"),
    ("Where is a tutorial of F#?", "Where is a tutorial of F?"),
    ("What does a == b mean?", "What does a != b mean?"),
    ("What is 3+4?", "What is 3-4?"),
    ("What is x+y?", "What is x*y?"),
    ("What does make clean && make do?", "What does make clean || make do?"),
    ("What does !ready mean?", "What does ready mean?"),
    ("What is s[0]?", "What is s(0)?"),
    ("Explain A* search to me", "Explain A search to me"),
    ("How do I install .NET?", "How do I install NET?"),
    ("What does git reset --hard do?", "What does git reset hard do?"),
    ("What does grep -v do?", "What does grep -V do?"),
    ("What is ${x} here?", "What is $(x) here?"),
    ("Who is @alice?", "Who is #alice?"),
    ("What does rm *.txt remove?", "What does rm .txt remove?"),
    ("Where is the file .env?", "Where is the file env?"),
    ("What is in plan A?", "What is in plan?"),
    ("When does the US office open?", "When does the us office open?"),
    ("Does the form say call IT?", "Does the form say call it?"),
    ("Is the Polish one good?", "Is the polish one good?"),
)
_WRITTEN = """
negation|How do I make sure that my data is used for training?|How do I make sure that my data is not used for training?
negation|Can I cancel an order that has shipped?|Can I cancel an order that hasn't shipped?
negation|Which drugs should be taken with grapefruit?|Which drugs should never be taken with grapefruit?
negation|Is it safe to eat raw eggs while pregnant?|Isn't it unsafe to eat raw eggs while pregnant?
negation|What are managed policies?|What are unmanaged policies?
negation|Is a non-refundable ticket cheaper?|Is a refundable ticket cheaper?
negation|Who can see my profile?|Who can't see my profile?
negation|List all customers who paid in June|List all customers who didn't pay in June
negation|Is it legal to record a call?|Is it illegal to record a call?
negation|Answer with citations|Answer with no citations
negation|Is there a fee?|Is there no fee?
scope|Delete the files in the archive folder|Delete everything except the files in the archive folder
scope|Who has access to the report?|Who only has access to the report?
scope|Notify everyone unless they opted out|Notify everyone
numbers|What does error 403 mean?|What does error 404 mean?
numbers|How many MB are in 3 GB?|How many MB are in 4 GB?
numbers|What is 7 times 8?|What is 7 times 9?
numbers|How tall is a 6 foot person in cm?|How tall is a 5 foot person in cm?
numbers|What is the capital gains tax on 10,000 dollars?|What is the capital gains tax on 100,000 dollars?
numbers|Is port 443 open?|Is port 8443 open?
numbers|Is a discount of 5% possible?|Is a discount of $5 possible?
numbers|Can it go to -10 degrees?|Can it go to 10 degrees?
units|How long does a 10 km run take?|How long does a 10 mile run take?
units|Set the oven to 180 Celsius|Set the oven to 180 Fahrenheit
units|Set the limit to 100ms|Set the limit to 100s
units|Is 1Gbps enough?|Is 1Mbps enough?
version|Is TLS 1.2 still accepted?|Is TLS 1.3 still accepted?
version|How do I install Node 18?|How do I install Node 20?
version|What is new in iOS 17?|What is new in iOS 16?
version|Migrate from boto to boto3|Migrate from boto3 to boto
version|What is the context window of Claude 3?|What is the context window of Claude 4?
product|How much does Lambda cost?|How much does Fargate cost?
product|Does Bedrock support Llama?|Does Bedrock support Mistral?
product|how do i reset my gmail password|how do i reset my outlook password
product|Link to a point in a YouTube video|Link to a point in a Vimeo video
product|Is my iPhone waterproof?|Is my Pixel waterproof?
product|Is SQS billed by request?|Is SNS billed by request?
direction|Flights from Rome to Oslo tomorrow|Flights to Rome from Oslo tomorrow
direction|How do I import contacts from Outlook into Gmail?|How do I import contacts from Gmail into Outlook?
direction|Can a manager report to an engineer?|Can an engineer report to a manager?
direction|Did the cat chase the dog?|Did the dog chase the cat?
direction|Does the server call the client?|Does the client call the server?
direction|Is 5 greater than 3?|Is 3 greater than 5?
direction|Replace tabs with spaces|Replace spaces with tabs
direction|Map users to roles|Map roles to users
date|What happened on 4 July 1990?|What happened on 4 July 1991?
date|Is the office open on 1 May?|Is the office open on 2 May?
date|What is due next week?|What was due last week?
date|Is there a meeting this morning?|Is there a meeting this afternoon?
date|Who was president before 1990?|Who was president after 1990?
comparison|Which laptop is lighter than 1 kg?|Which laptop is heavier than 1 kg?
comparison|Show me hotels under 100 euros|Show me hotels over 100 euros
comparison|Who earns more than Anna?|Who earns less than Anna?
comparison|Is the first edition better?|Is the first edition worse?
quantity|Can I use one key for several accounts?|Can I use one key for all accounts?
quantity|Is every item checked?|Is no item checked?
quantity|Do both lamps work?|Does neither lamp work?
quantity|How much memory is used?|How many cores are used?
role|Who is the buyer?|Who is the seller?
role|What must the employer pay?|What must the employee pay?
role|How do I configure the client?|How do I configure the server?
role|What are the advantages of microservices?|What are the disadvantages of microservices?
role|What are the causes of inflation?|What are the effects of inflation?
product|Does the Galaxy have a headphone jack?|Does the iPhone have a headphone jack?
product|unsubscribe from netflix|unsubscribe from hulu
product|Is Postgres faster for joins?|Is MySQL faster for joins?
product|Read a parquet file with pandas|Read a parquet file with polars
product|What is the rate limit of the Stripe API?|What is the rate limit of the PayPal API?
product|Where does Chrome keep bookmarks?|Where does Firefox keep bookmarks?
part|How do I clean the filter of my dishwasher?|How do I clean the filter of my dryer?
part|How do I replace the battery of my watch?|How do I replace the strap of my watch?
part|Which vitamins are in carrots?|Which vitamins are in apples?
part|What is the capital of the northern province?|What is the capital of the southern province?
person|What did Anna say to Ben?|What did Ben say to Anna?
person|Is my mother entitled to a pension?|Is my father entitled to a pension?
version|Is Windows 10 still supported?|Is Windows 11 still supported?
version|Does HTTP/2 need TLS?|Does HTTP/3 need TLS?
numbers|What is the 3rd largest city?|What is the 4th largest city?
units|Is 1 TB of storage enough?|Is 1 GB of storage enough?
date|What is the deadline in Q1?|What is the deadline in Q2?
date|What time is it at noon in Tokyo?|What time is it at midnight in Tokyo?
mixed|How do I disable MFA?|How do I enable MFA for my account?
mixed|Please switch the lights off in the kitchen|Switch on the kitchen lights
mixed|Is the pool open in winter?|Is the pool closed in winter?
mixed|Why can I not log in?|Why can I log in?
mixed|Do I need a visa for Japan?|Do I need a visa for China?
mixed|what is the max upload size|what is the min upload size
mixed|what's the interest rate for a 15 year mortgage|what's the interest rate for a 30 year mortgage
mixed|How do I convert a list to a tuple?|How do I convert a tuple to a list?
mixed|How to go from the airport to the city center|How to go from the city center to the airport
mixed|Can I fly from Boston to Denver on Friday?|Can I fly from Denver to Boston on Friday?
mixed|what is the dosage of ibuprofen for adults|what is the dosage of ibuprofen for children
mixed|Is aspirin safe for dogs?|Is aspirin safe for cats?
mixed|Which is heavier, a kilo of feathers or a pound of lead?|Which is lighter, a kilo of feathers or a pound of lead?
mixed|Show sales greater than 500|Show sales less than 500
mixed|Show orders older than 30 days|Show orders newer than 30 days
mixed|list users created after March|list users created before March
mixed|How do I scale up my cluster?|How do I scale down my cluster?
mixed|Does Lambda support Python 3.12?|Does Lambda support Python 3.8?
mixed|Does Lambda support Node.js?|Does Lambda support Java?
mixed|How do I use boto3 with S3?|How do I use boto3 with SQS?
mixed|How many employees does Apple have?|How many employees does Google have?
mixed|What did the CEO say about layoffs?|What did the CFO say about layoffs?
mixed|Can a minor open an account?|Can an adult open an account?
mixed|Is VAT included in the price?|Is VAT excluded from the price?
mixed|How can I see who viewed my profile?|How can I see whose profile I viewed?
mixed|Do cats chase mice?|Do mice chase cats?
mixed|What's the time difference from London to New York?|What's the time difference from London to Tokyo?
mixed|convert 5 km to miles|convert 5 miles to km
mixed|convert 5 feet to meters|convert 5 yards to meters
mixed|Is it possible to undo a merge?|Is it possible to redo a merge?
mixed|Who won the match?|Who lost the match?
mixed|How do I increase the font size|How do I decrease the font size
mixed|how do i make text bigger|how do i make text smaller
mixed|What do I do if my card is lost?|What do I do if my card is stolen?
mixed|Does it work with Windows?|Does it work without Windows?
mixed|Is the meeting at 3pm?|Is the meeting at 4pm?
mixed|Is the meeting at 3 am?|Is the meeting at 3 pm?
mixed|Was the bill passed in the Senate?|Was the bill passed in the House?
mixed|how to grant access|how to revoke access
mixed|should I use a primary key|should I use a foreign key
mixed|How do I add a column|How do I drop a column
mixed|Can all users export data?|Can only admins export data?
mixed|What happens if I pay late?|What happens if I pay early?
mixed|At least how many credits do I need?|At most how many credits do I need?
mixed|How is tea grown?|How is coffee grown?
mixed|What is the boiling point of water in Celsius?|What is the boiling point of water in Fahrenheit?
mixed|Is there a discount for students?|Is there a discount for seniors?
mixed|Who is the author of Emma?|Who is the author of Persuasion?
mixed|Delete rows where status is active|Delete rows where status is not active
mixed|Delete rows where status is active|Delete rows where status is inactive
mixed|Emails received from Anna|Emails sent to Anna
mixed|Which countries export more than they import?|Which countries import more than they export?
mixed|How do I block someone?|How do I get unblocked by someone?
mixed|Is 2024 a leap year?|Is 2025 a leap year?
mixed|What is the tax rate in the UK?|What is the tax rate in the US?
mixed|Can I bring food?|Can I bring drinks?
access|How do I lock my account?|How do I unlock my account?
access|How do I encrypt a file?|How do I decrypt a file?
access|Can guests accept invitations?|Can guests decline invitations?
access|Sign in to the portal|Sign out of the portal
access|Should I allow this address?|Should I block this address?
"""


def twins() -> Iterator[Twin]:
    """Each pair once, in one direction; what refuses it has to do so in both."""
    for kind, (frames, words) in _SWAPS.items():
        for frame in frames:
            for at, word in enumerate(words):
                for other in words[at + 1 :]:
                    yield Twin(kind, frame.format(word), frame.format(other))
    for frame, names in _DIRECTIONS:
        for one, other in names:
            yield Twin("direction", frame.format(one, other), frame.format(other, one))
        for (one, other), (third, _) in permutations(names, 2):
            if third not in (one, other):
                yield Twin("other goal", frame.format(one, other), frame.format(third, other))
    for asked, candidate in _SIGNS:
        yield Twin("signs", asked, candidate)
    for line in _WRITTEN.strip().splitlines():
        kind, asked, candidate = line.split("|")
        yield Twin(kind, asked, candidate)
